// The rot matrix: every field of every on-disk structure, damaged in every way; and what became of it.
//
// Runs in worker processes, so that an engine that aborts or hangs on a damaged disk is a finding like any other. What
// it reports does not depend on how many they are.
//
// Threads: one.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/rot_matrix_judge.h"

namespace holdfast::sim {

struct RotChoice {
  std::vector<RotState> states = {RotState::kCut, RotState::kClosed};
  RotBounds bounds;
  uint32_t jobs = 1;
  // Nothing: all.
  std::string only;  // "structure/field"
  std::optional<RotKind> kind;
  std::optional<size_t> number;  // of a case in its cell; needs `only` and `kind`
};

struct RotCell {
  std::array<uint64_t, kRotOutcomes> counts{};
  uint64_t total() const;
  void add(const RotCell& other);
};

struct RotLine {
  std::string structure;
  std::string field;
  bool in_use = false;  // in one of the states
  std::array<RotCell, kRotKinds> cells;

  std::string name() const { return structure + "/" + field; }
};

// One case, to look at.
struct RotDetail {
  RotState state{};
  std::string name;  // of its row
  RotKind kind{};
  size_t number = 0;
  std::string damage;
  RotFinding finding;
};

struct RotReport {
  Verdict broken;                // the database could not be made: nothing else is known
  std::vector<RotLine> lines;    // of all states together
  std::vector<RotDetail> wrong;  // each case that is
  std::vector<RotDetail> all;    // each case, if `only` is given
  uint64_t images = 0;           // that were opened; cases of fields in one sector share them
  bool interrupted = false;

  size_t structures() const;
  RotCell total() const;
};

// `progress`: images done, and in all, of a state. `stop` is asked often.
RotReport rot_matrix(const RotChoice& choice, const std::function<void(size_t done, size_t total)>& progress,
                     const std::function<bool()>& stop);

}  // namespace holdfast::sim
