// Input: a file, or standard input, read by lines or as a whole.
//
// Threads: one. Memory: one buffer and the longest line, which is bounded. A read gives up when interrupted() becomes
// true.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <holdfast/options.h>
#include <holdfast/result.h>

namespace holdfast::cli {

// The longest line: a value of the largest size in the widest JSON escapes, and as much again as a page for the key.
constexpr uint64_t kLineBytesMax = 6 * (kValueBytesMax + kPageBytesMax);

class Input {
 public:
  // "-" is standard input. Errors: not_found, io.
  static Result<Input> open(const std::string& path);
  Input(Input&& other) noexcept;
  Input& operator=(Input&&) = delete;
  ~Input();

  // The next line without its line feed; false at the end of the input, or when interrupted. The view lives until the
  // next call. Errors: io; invalid_argument if the line is too long.
  Result<bool> next_line(std::string_view& line);
  // Whether next_line() would wait for somebody to write one.
  bool would_wait() const;
  // All that is left. Errors: io; invalid_argument if it is more than `bytes_max`.
  Result<std::string> read_all(uint64_t bytes_max);

  // Number of the line that next_line() returned last, from 1.
  uint64_t line_number() const { return line_number_; }
  // "rows.tsv line 17", for messages.
  std::string place() const;
  // For progress: bytes taken so far, and in all (0: not known).
  uint64_t bytes_read() const { return bytes_read_; }
  uint64_t bytes_total() const { return bytes_total_; }

 private:
  Input(int descriptor, std::string name, uint64_t bytes_total);
  // Appends to the buffer; false at the end of the input. Errors: io.
  Result<bool> fill();

  int descriptor_;
  std::string name_;
  std::string buffer_;
  size_t consumed_ = 0;  // bytes of buffer_ that earlier lines took
  bool at_end_ = false;
  uint64_t line_number_ = 0;
  uint64_t bytes_read_ = 0;
  uint64_t bytes_total_ = 0;
};

}  // namespace holdfast::cli
