// Lineage: what one generation of a projection may hold: what of its events was redacted when they were applied, which
// tables were purged, how far it was pruned; and whether contents that are shown are that.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/projection_audit.h"

namespace holdfast::sim {

// How an event was given to a reducer.
enum class Given : uint8_t { kWhole, kRedacted };

class Lineage {
 public:
  static constexpr uint64_t kNever = UINT64_MAX;
  // Of positions 1, 2, ...; nullopt: it changes nothing.
  using Payloads = std::vector<std::optional<uint64_t>>;

  // Whoever is shown it asked at `asked`, and was answered at `shown`. What was answered before the one is so, and what
  // was begun after the other is not. A floor may be older.
  struct Window {
    uint64_t asked = 0;
    uint64_t asked_floor = 0;
    uint64_t shown = 0;
    uint64_t least = 0;  // positions
    uint64_t most = 0;
  };

  // `begun`: when a reader could first be shown it; kNever for answered and retired: not yet.
  explicit Lineage(uint64_t begun) : begun_(begun) {}
  void answered(uint64_t moment) { answered_ = moment; }
  bool is_answered() const { return answered_ != kNever; }
  void retire(uint64_t moment) { retired_ = moment; }
  bool is_retired() const { return retired_ != kNever; }
  bool may_be_shown(const Window& window) const { return begun_ <= window.shown && retired_ > window.asked; }
  // It is what was seen of it: `contents` passed judge().
  void settle(const Payloads& payloads, const ProjectionContents& contents, uint64_t moment);

  // An event was given to somebody's reducer: unless it is known, it may have been applied like that.
  void given(uint64_t position, Given given);
  void applied_as_given(uint64_t from, uint64_t to);
  // Whether nothing makes it differ from what its events say now.
  bool is_plain() const;

  size_t begin_raise(uint64_t before, uint64_t moment);
  void raised(size_t raise, uint64_t floor, uint64_t moment);
  void raise_refused(size_t raise) { raises_[raise].before = 0; }
  uint64_t floor_at(uint64_t asked) const;  // the highest that was answered before
  uint64_t highest_floor() const;           // also of those that got an error: they may have been made all the same
  void begin_purge(uint32_t table, uint64_t least, uint64_t moment);
  // The position that was applied when it was begun.
  uint64_t purged(uint64_t most, uint64_t moment);
  void purge_refused();
  void narrow_purges(const Payloads& payloads, const ProjectionContents& contents);

  // Whether `contents` may be what it holds; if not, why.
  Verdict judge(const Payloads& payloads, const ProjectionContents& contents, const Window& window) const;

 private:
  enum class Applied : uint8_t { kWhole, kRedacted, kEither };
  struct Known {
    Applied applied = Applied::kWhole;
    bool is_sure = false;
    Given last = Given::kWhole;
  };
  struct Raise {
    uint64_t before = 0;
    std::optional<uint64_t> floor;
    uint64_t begun = 0;
    uint64_t answered = kNever;
  };
  // Took the versions that there were at a position from `least` to `most`.
  struct Purge {
    uint32_t table = 0;
    uint64_t least = 0;
    uint64_t most = kNever;
    uint64_t begun = 0;
    uint64_t answered = kNever;
  };
  struct Change {
    uint64_t position = 0;
    std::optional<uint64_t> value;
    bool is_sure = true;
  };
  using Changes = std::vector<std::vector<Change>>;  // of each key of a table
  std::vector<Changes> changes_of(const Payloads& payloads, uint64_t applied) const;
  Verdict judge_floor(const ProjectionContents& contents, const Window& window) const;
  // Whether the table is as the purges say at these positions.
  static std::optional<uint32_t> wrong_key(const Changes& changes, const ProjectionContents& contents, uint32_t table,
                                           std::vector<uint64_t> purges);
  // Where each purge was, of those that were: index, position.
  using Chosen = std::vector<std::pair<size_t, uint64_t>>;
  struct Search;
  bool try_purges(Search& search, size_t next) const;
  Verdict judge_table(const Changes& changes, const ProjectionContents& contents, const Window& window, uint32_t table,
                      Chosen& chosen) const;
  Verdict judge_tables(const Payloads& payloads, const ProjectionContents& contents, const Window& window,
                       Chosen& chosen) const;
  void settle_applied(const Payloads& payloads, const ProjectionContents& contents, const Window& window);

  uint64_t begun_;
  uint64_t answered_ = kNever;
  uint64_t retired_ = kNever;
  uint32_t generation_ = 0;  // 0: not known yet
  uint64_t floor_ = 0;       // at the last settle()
  std::vector<Known> known_;
  std::vector<Raise> raises_;
  std::vector<Purge> purges_;
};

}  // namespace holdfast::sim
