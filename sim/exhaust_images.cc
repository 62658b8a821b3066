#include "sim/exhaust_images.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <span>

#include <fmt/format.h>

#include "base/check.h"

namespace holdfast::sim {

namespace {

constexpr size_t kSubsetsOfMax = 20;  // changes: beyond it, not even their number is computed

}  // namespace

class CutImages::Recorder final : public CutChooser {
 public:
  explicit Recorder(std::vector<Unit>& units) : units_(units) {}
  size_t choose(std::span<const Alternative> alternatives) override {
    CHECK(alternatives.size() <= std::numeric_limits<uint8_t>::max());
    Unit& unit = units_.emplace_back();
    unit.alternatives.assign(alternatives.begin(), alternatives.end());
    unit.distinct = 0;
    for (size_t index = 0; index < alternatives.size(); ++index) {
      unit.distinct = static_cast<uint8_t>(unit.distinct + (alternatives[index].same_as == index ? 1 : 0));
    }
    return 0;
  }

 private:
  std::vector<Unit>& units_;
};

class CutImages::Player final : public CutChooser {
 public:
  explicit Player(const Choices& choices) : choices_(choices) {}
  size_t choose(std::span<const Alternative> alternatives) override {
    CHECK(next_ < choices_.size() && choices_[next_] < alternatives.size());
    return choices_[next_++];
  }

 private:
  const Choices& choices_;
  size_t next_ = 0;
};

CutImages::CutImages(const SimDisk& disk, uint64_t bound, Sequence known) : disk_(disk), bound_(bound) {
  CHECK(disk.personality().metadata_order == MetadataOrder::kAnySubset);
  Recorder recorder(units_);
  static_cast<void>(disk.power_cut(recorder));
  uint64_t total = 1;
  for (const Unit& unit : units_) {
    if (unit.distinct > 1) {
      total = std::min(bound + 1, total * unit.distinct);
      for (const Alternative& each : unit.alternatives) {
        if (each.sequence != 0) {
          changes_.push_back(each.sequence);
        }
      }
    }
  }
  std::ranges::sort(changes_);
  const auto repeated = std::ranges::unique(changes_);
  changes_.erase(repeated.begin(), repeated.end());
  complete_ = total <= bound;
  if (complete_) {
    enumerate_all(known);
  } else {
    enumerate_some();
    hashes_.clear();
  }
}

void CutImages::enumerate_all(Sequence known) {
  Choices choices(units_.size(), 0);
  const auto is_new = [&] {
    for (size_t unit = 0; unit < units_.size(); ++unit) {
      if (units_[unit].distinct > 1 && units_[unit].alternatives[choices[unit]].sequence > known) {
        return true;
      }
    }
    return known == 0;
  };
  for (;;) {
    if (is_new()) {
      images_.push_back(choices);
    }
    // The next number of a counter whose digits are the choices; what only looks different is passed over.
    size_t digit = 0;
    for (; digit < units_.size(); ++digit) {
      const auto& alternatives = units_[digit].alternatives;
      do {
        ++choices[digit];
      } while (choices[digit] < alternatives.size() && alternatives[choices[digit]].same_as != choices[digit]);
      if (choices[digit] < alternatives.size()) {
        break;
      }
      choices[digit] = 0;
    }
    if (digit == units_.size()) {
      return;
    }
  }
}

void CutImages::enumerate_some() {
  hashes_.assign(std::bit_ceil(4 * bound_), 0);
  const size_t count = changes_.size();
  std::vector<bool> kept(count, true);
  add(subset(kept));
  if (count <= kSubsetsOfMax && (uint64_t{1} << count) <= bound_ / 2) {
    for (uint64_t bits = 0; bits < (uint64_t{1} << count); ++bits) {
      for (size_t change = 0; change < count; ++change) {
        kept[change] = (bits >> change & 1U) != 0;
      }
      add(subset(kept));
    }
  } else {
    for (size_t end = 0; end < count && !full(); ++end) {
      kept.assign(count, false);
      std::fill_n(kept.begin(), end, true);
      add(subset(kept));
    }
    for (const bool others : {true, false}) {
      for (size_t change = 0; change < count && !full(); ++change) {
        kept.assign(count, others);
        kept[change] = !others;
        add(subset(kept));
      }
    }
  }
  // One change is torn: where those before it survived, where all others did, and where none did.
  for (size_t change = 0; change < count && !full(); ++change) {
    kept.assign(count, false);
    std::fill_n(kept.begin(), change, true);
    add_torn(subset(kept), change);
    std::fill(kept.begin(), kept.end(), true);
    add_torn(subset(kept), change);
    std::fill(kept.begin(), kept.end(), false);
    add_torn(subset(kept), change);
  }
}

CutImages::Choices CutImages::subset(const std::vector<bool>& kept) const {
  Choices choices;
  choices.reserve(units_.size());
  for (const Unit& unit : units_) {
    size_t chosen = 0;
    while (unit.distinct > 1 && unit.alternatives[chosen].sequence != 0) {
      const auto at = std::ranges::lower_bound(changes_, unit.alternatives[chosen].sequence);
      if (kept[static_cast<size_t>(at - changes_.begin())]) {
        break;
      }
      ++chosen;
    }
    choices.push_back(static_cast<uint8_t>(unit.alternatives[chosen].same_as));
  }
  return choices;
}

// Each sector, size or name of the change alone is the other way.
void CutImages::add_torn(const Choices& from, size_t change) {
  for (size_t unit = 0; unit < units_.size() && !full(); ++unit) {
    const auto& alternatives = units_[unit].alternatives;
    if (units_[unit].distinct < 2) {
      continue;
    }
    for (size_t index = 0; index + 1 < alternatives.size() && !full(); ++index) {
      if (alternatives[index].sequence != changes_[change]) {
        continue;
      }
      Choices torn = from;
      const bool is_kept = from[unit] == alternatives[index].same_as;
      torn[unit] = static_cast<uint8_t>(alternatives[is_kept ? index + 1 : index].same_as);
      add(std::move(torn));
    }
  }
}

void CutImages::add(Choices choices) {
  if (full()) {
    return;
  }
  uint64_t hash = 1;
  for (const uint8_t choice : choices) {
    hash = mix(hash, choice);
  }
  hash |= 1U;
  size_t at = hash & (hashes_.size() - 1);
  while (hashes_[at] != 0 && hashes_[at] != hash) {
    at = (at + 1) & (hashes_.size() - 1);
  }
  if (hashes_[at] == 0) {
    hashes_[at] = hash;
    images_.push_back(std::move(choices));
  }
}

SimDisk CutImages::image(size_t index) const {
  Player player(images_[index]);
  return disk_.power_cut(player);
}

std::string CutImages::describe(size_t index, const std::function<std::string(Sequence)>& name_of) const {
  // Of each change: how many of the units that it could decide it did, of how many.
  std::string text;
  for (const Sequence change : changes_) {
    size_t units = 0;
    size_t kept = 0;
    for (size_t unit = 0; unit < units_.size(); ++unit) {
      const auto& alternatives = units_[unit].alternatives;
      if (units_[unit].distinct < 2) {
        continue;
      }
      for (size_t each = 0; each < alternatives.size(); ++each) {
        if (alternatives[each].sequence == change) {
          ++units;
          kept += images_[index][unit] == alternatives[each].same_as ? 1U : 0U;
        }
      }
    }
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name_of(change),
                        kept == units ? "kept"
                        : kept == 0   ? "lost"
                                      : fmt::format("torn ({} of {} parts kept)", kept, units));
  }
  return text.empty() ? "nothing was left to lose" : text;
}

}  // namespace holdfast::sim
