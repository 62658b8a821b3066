// Whether what a damaged database shows is what it held, as far as it can be read.
//
// Threads: any; pure functions.
#pragma once

#include <string_view>

#include "sim/inspect.h"
#include "sim/rot_matrix_world.h"

namespace holdfast::sim {

// What the judge puts into a damaged database.
inline constexpr std::string_view kRotKey = "key";
inline constexpr std::string_view kRotValue = "what was put into a damaged database";
inline constexpr std::string_view kRotEvent = "what was appended to a damaged database";
inline constexpr uint64_t kRotRedacted = 100;  // the record that it redacts

// What of that may be seen, and what must be, since it was answered.
struct RotChanges {
  struct Change {
    bool may_be = false;
    bool must_be = false;
  };
  Change row;
  Change event;
  Change redacted;
  Change rebuilt;
};

// What is wrong with it, if anything is. Where damage ended the reading, what was read must be a beginning of the
// truth.
Verdict compare_with_truth(const Inspection& seen, const Contents& truth, const RotChanges& changes, Model& names);

}  // namespace holdfast::sim
