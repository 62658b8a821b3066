// What a database shows of itself after one damage, and whether that may be.
//
// Its lives, each on what the damage left: it is opened to be read only. It is opened, read in every way, verified,
// checked, written to and killed; recovered and read, so that damage which is still there, or which spread, is met as
// well. It is opened, its streams and projections are rewritten, and it is killed; recovered and read. If opening is
// refused, the loss is accepted (Database::recover), and what is shown then read.
//
// Threads: one at a time.
#pragma once

#include <string>
#include <vector>

#include "sim/rot_matrix_damage.h"

namespace holdfast::sim {

enum class RotOutcome : uint8_t {
  kDetected,  // an error names it, or check or verify does, and nothing wrong is shown
  kShut,      // the same, but nothing can be read any more: it cannot be opened to be written, nor to be read only, nor
              // after a recovery that accepts a loss
  kRepaired,  // all is right, and what was damaged has been written anew from what was intact
  kHarmless,  // all is right, although it is still there: nobody needs these bytes, or another copy was used
  kTornTail,  // the last commits are gone: see torn_tail_allows()
  kWrong,     // something wrong is shown, or something is missing, and nothing says so; or the process ended
  kCount,
};
constexpr size_t kRotOutcomes = static_cast<size_t>(RotOutcome::kCount);
std::string_view name_of(RotOutcome outcome);

struct RotFinding {
  RotOutcome outcome = RotOutcome::kHarmless;
  std::string text;  // which error; what is wrong
};

// Pre: the world is not broken; it and the layout outlive this.
class RotJudge {
 public:
  RotJudge(const RotWorld& world, const std::vector<Region>& layout);

  // Also of an image without damage, which must be harmless.
  RotFinding judge(const RotImage& image);

 private:
  const RotWorld& world_;
  const std::vector<Region>& layout_;
  std::unique_ptr<Model> names_;
};

}  // namespace holdfast::sim
