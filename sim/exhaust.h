// The exhaustive explorer: every short program over a small alphabet, stopped at every operation of the disk, with
// every image that a kill or a power cut may leave there, up to a stated bound; each image recovered, examined and held
// against the oracle; and each recovery stopped in the same way, and recovered once more.
//
// Images that read the same are recovered once: what a recovery shows is a function of the bytes. What the oracle
// allows is asked again at every moment.
//
// Threads: one at a time. The same options give the same numbers and digest on every machine.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/exhaust_program.h"

namespace holdfast::sim {

struct ExhaustBounds {
  uint64_t images = 256;        // of one moment of a program
  uint64_t second_images = 16;  // of one moment of a recovery
};

struct ExhaustCounts {
  uint64_t programs = 0;
  uint64_t points = 0;           // moments of programs
  uint64_t images = 0;           // enumerated, kills included
  uint64_t distinct = 0;         // of them, pairs of an image and what the oracle allows
  uint64_t recoveries = 0;       // of images that had not been seen before
  uint64_t second_points = 0;    // moments of recoveries
  uint64_t second_images = 0;    // enumerated
  uint64_t second_distinct = 0;  // of them, recovered
  uint64_t cut_short = 0;        // moments of which the bound left images out
  uint64_t second_cut_short = 0;
  uint64_t digest = 0;  // of everything that was seen; a sum, in any order

  void add(const ExhaustCounts& other);
};

struct ExhaustFailure {
  ExhaustProgram program;
  uint64_t point = 0;   // 0: it is the program's own answer that is wrong
  std::string image;    // as it is named on the command line: a number, or "kill"
  std::string where;    // for people
  std::string account;  // of the oracle
};

// Which part of it is done; by default, all.
struct ExhaustFocus {
  std::optional<uint64_t> point;
  std::optional<std::string> image;
};

// Where an explorer is, for whoever finds it dead.
struct ExhaustPlace {
  static constexpr uint64_t kKill = UINT64_MAX;
  std::atomic<uint64_t> point{0};
  std::atomic<uint64_t> image{0};
};

class Explorer {
 public:
  // `place`: kept up to date, unless it is null. `stop` is asked at each moment; true: nothing more is explored.
  Explorer(
      const ExhaustSetup& setup, const ExhaustBounds& bounds, ExhaustPlace* place = nullptr,
      std::function<bool()> stop = [] { return false; });
  ~Explorer();
  Explorer(const Explorer&) = delete;
  Explorer& operator=(const Explorer&) = delete;

  // Runs the program, and explores it from its operation `first` on (0: from the beginning).
  std::optional<ExhaustFailure> explore(const ExhaustProgram& program, size_t first, const ExhaustFocus& focus = {});
  // Since the last call.
  ExhaustCounts take_counts();

 private:
  class Search;
  std::unique_ptr<Search> search_;
};

// All programs of up to `length` operations, in order: first the empty one.
std::vector<ExhaustProgram> all_programs(size_t length);

}  // namespace holdfast::sim
