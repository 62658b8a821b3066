// The command's contact with its terminal: standard output, a progress line, Ctrl-C.
//
// Threads: one. Standard output is for results, standard error for everything said to people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <holdfast/env.h>
#include <holdfast/result.h>

namespace holdfast::cli {

// Standard output, buffered. A failed write is kept and reported by flush().
class Output {
 public:
  ~Output() = default;
  void write(std::string_view text);
  // Everything written so far has been handed to the operating system. Errors: io, no_space.
  Result<void> flush();

 private:
  void drain();
  std::string buffer_;
  int os_error_ = 0;
};

bool output_is_terminal();
// One line on standard error.
void say(std::string_view line);

// From here on SIGINT and SIGTERM no longer end the process but make interrupted() true; a second one ends it.
void catch_interrupts();
bool interrupted();
// Becomes readable once interrupted; -1 before catch_interrupts().
int interrupt_descriptor();

// One line on standard error that is drawn over and over, at most ten times a second; nothing if it is no terminal.
class Progress {
 public:
  explicit Progress(std::string_view what);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `total` 0: not known, no bar is drawn. `detail` follows the bar.
  void update(uint64_t done, uint64_t total, std::string_view detail);
  // True when update() would draw now: spares the caller from building `detail`.
  bool due();
  // Removes the line, so that other text can be written.
  void clear();

 private:
  std::string what_;
  bool enabled_;
  bool drawn_ = false;
  uint64_t next_draw_ns_ = 0;
};

}  // namespace holdfast::cli
