#include "sim/projection_lineage.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace holdfast::sim {

namespace {

constexpr size_t kUnsureMax = 10;  // changes of one key of which it is not known whether they were made

// What a key held, from what changed it.
class Replay {
 public:
  void apply(uint64_t position, const std::optional<uint64_t>& value) {
    if (!versions_.empty() && versions_.back().deleted_at == kNeverDeleted) {
      versions_.back().deleted_at = position;
      if (versions_.back().created_at == position) {
        versions_.pop_back();
      }
    }
    if (value) {
      versions_.push_back({position, kNeverDeleted, *value});
    }
  }
  void purge() { versions_.clear(); }
  bool shows(const ProjectionContents::Versions& shown, uint64_t floor) const {
    auto next = shown.begin();
    for (auto version = versions_.rbegin(); version != versions_.rend() && version->deleted_at > floor; ++version) {
      if (next == shown.end() || next->created_at != version->created_at || next->deleted_at != version->deleted_at ||
          !(next->value == ValueMark::of(projection_value(version->value)))) {
        return false;
      }
      ++next;
    }
    return next == shown.end();
  }

 private:
  struct Version {
    uint64_t created_at = 0;
    uint64_t deleted_at = 0;
    uint64_t value = 0;
  };
  std::vector<Version> versions_;
};

}  // namespace

struct Lineage::Search {
  const Changes& changes;
  const ProjectionContents& contents;
  const Window& window;
  uint32_t table;
  std::vector<size_t> indexes;  // of purges that may have been
  Chosen chosen;
  uint32_t wrong = 0;
};

void Lineage::given(uint64_t position, Given given) {
  if (known_.size() < position) {
    known_.resize(static_cast<size_t>(position));
  }
  Known& known = known_[position - 1];
  if (!known.is_sure) {
    known.last = given;
    known.applied = given == Given::kRedacted ? Applied::kEither : known.applied;
  }
}

void Lineage::applied_as_given(uint64_t from, uint64_t to) {
  for (uint64_t position = from + 1; position <= std::min<uint64_t>(to, known_.size()); ++position) {
    Known& known = known_[position - 1];
    if (!known.is_sure) {
      known.applied = known.last == Given::kRedacted ? Applied::kRedacted : Applied::kWhole;
      known.is_sure = true;
    }
  }
}

bool Lineage::is_plain() const {
  return purges_.empty() &&
         std::ranges::all_of(known_, [](const Known& known) { return known.applied == Applied::kWhole; });
}

size_t Lineage::begin_raise(uint64_t before, uint64_t moment) {
  raises_.push_back({.before = before, .floor = {}, .begun = moment});
  return raises_.size() - 1;
}

void Lineage::raised(size_t raise, uint64_t floor, uint64_t moment) {
  raises_[raise].floor = floor;
  raises_[raise].answered = moment;
}

uint64_t Lineage::floor_at(uint64_t asked) const {
  uint64_t floor = floor_;
  for (const Raise& raise : raises_) {
    if (raise.answered <= asked) {
      floor = std::max(floor, *raise.floor);
    }
  }
  return floor;
}

uint64_t Lineage::highest_floor() const {
  uint64_t floor = floor_;
  for (const Raise& raise : raises_) {
    floor = std::max(floor, raise.floor.value_or(raise.before));
  }
  return floor;
}

void Lineage::begin_purge(uint32_t table, uint64_t least, uint64_t moment) {
  purges_.push_back({.table = table, .least = least, .begun = moment});
}

uint64_t Lineage::purged(uint64_t most, uint64_t moment) {
  purges_.back().most = most;
  purges_.back().answered = moment;
  return purges_.back().least;
}

void Lineage::purge_refused() { purges_.pop_back(); }

std::vector<Lineage::Changes> Lineage::changes_of(const Payloads& payloads, uint64_t applied) const {
  std::vector<Changes> tables(kProjectionTables, Changes(kProjectionKeys));
  for (uint64_t position = 1; position <= std::min<uint64_t>(applied, payloads.size()); ++position) {
    const Applied how = position <= known_.size() ? known_[position - 1].applied : Applied::kWhole;
    if (!payloads[position - 1] || how == Applied::kRedacted) {
      continue;
    }
    for (const ProjectionWrite& write : writes_of(*payloads[position - 1])) {
      tables[write.table][write.key].push_back({position, write.value, how == Applied::kWhole});
    }
  }
  return tables;
}

Verdict Lineage::judge_floor(const ProjectionContents& contents, const Window& window) const {
  const uint64_t sure = floor_at(window.asked_floor);
  const uint64_t floor = contents.floor;
  const bool fits = floor == sure || std::ranges::any_of(raises_, [&](const Raise& raise) {
                      return raise.begun <= window.shown && raise.answered > window.asked_floor && floor > sure &&
                             (raise.floor ? floor == *raise.floor : floor <= raise.before);
                    });
  return fits ? std::nullopt
              : Verdict(fmt::format("its floor is {}, expected {}, or what was asked for since", floor, sure));
}

std::optional<uint32_t> Lineage::wrong_key(const Changes& changes, const ProjectionContents& contents, uint32_t table,
                                           std::vector<uint64_t> purges) {
  std::ranges::sort(purges);
  for (uint32_t key = 0; key < kProjectionKeys; ++key) {
    const auto& shown = contents.tables[table][key];
    if (!shown) {
      continue;
    }
    std::vector<uint64_t> unsure;
    for (const Change& change : changes[key]) {
      if (!change.is_sure && (unsure.empty() || unsure.back() != change.position)) {
        unsure.push_back(change.position);
      }
    }
    const size_t count = std::min(unsure.size(), kUnsureMax);
    bool fits = false;
    for (uint64_t choice = 0; choice < uint64_t{1} << count && !fits; ++choice) {
      Replay replay;
      size_t next_purge = 0;
      const auto purge_before = [&](uint64_t position) {
        for (; next_purge < purges.size() && purges[next_purge] < position; ++next_purge) {
          replay.purge();
        }
      };
      for (const Change& change : changes[key]) {
        purge_before(change.position);
        const auto at = std::ranges::find(unsure, change.position) - unsure.begin();
        const bool is_made =
            change.is_sure || (static_cast<size_t>(at) < count && (choice >> static_cast<uint64_t>(at) & 1U) == 0);
        if (is_made) {
          replay.apply(change.position, change.value);
        }
      }
      purge_before(contents.applied + 1);
      fits = replay.shows(*shown, contents.floor);
    }
    if (!fits) {
      return key;
    }
  }
  return std::nullopt;
}

// Fills in the purges from `next` on.
bool Lineage::try_purges(Search& search, size_t next) const {
  if (next == search.indexes.size()) {
    std::vector<uint64_t> positions;
    for (const auto& [_, position] : search.chosen) {
      positions.push_back(position);
    }
    const auto wrong = wrong_key(search.changes, search.contents, search.table, std::move(positions));
    search.wrong = wrong.value_or(search.wrong);
    return !wrong;
  }
  const Purge& purge = purges_[search.indexes[next]];
  if (purge.answered > search.window.asked && try_purges(search, next + 1)) {
    return true;
  }
  const uint64_t most = std::min(purge.most, search.contents.applied);
  if (purge.least > most) {
    return false;
  }
  // Between two changes of the table it is the same when it was.
  std::vector<uint64_t> positions = {purge.least};
  for (const auto& of_key : search.changes) {
    for (const Change& change : of_key) {
      if (change.position > purge.least && change.position <= most) {
        positions.push_back(change.position);
      }
    }
  }
  std::ranges::sort(positions);
  positions.erase(std::ranges::unique(positions).begin(), positions.end());
  for (const uint64_t position : positions) {
    search.chosen.emplace_back(search.indexes[next], position);
    if (try_purges(search, next + 1)) {
      return true;
    }
    search.chosen.pop_back();
  }
  return false;
}

Verdict Lineage::judge_table(const Changes& changes, const ProjectionContents& contents, const Window& window,
                             uint32_t table, Chosen& chosen) const {
  Search search{
      .changes = changes, .contents = contents, .window = window, .table = table, .indexes = {}, .chosen = {}};
  for (size_t index = 0; index < purges_.size(); ++index) {
    if (purges_[index].table == table && purges_[index].begun <= window.shown) {
      search.indexes.push_back(index);
    }
  }
  if (try_purges(search, 0)) {
    chosen.insert(chosen.end(), search.chosen.begin(), search.chosen.end());
    return std::nullopt;
  }
  std::string shown;
  for (const ShownVersion& version : *contents.tables[table][search.wrong]) {
    shown += fmt::format(" [{}, {})", version.created_at,
                         version.deleted_at == kNeverDeleted ? "..." : std::to_string(version.deleted_at));
  }
  std::string changed;
  for (const Change& change : changes[search.wrong]) {
    changed += fmt::format(" {}{}{}", change.value ? "" : "erased at ", change.position, change.is_sure ? "" : "?");
  }
  std::string purged;
  for (const size_t index : search.indexes) {
    purged += fmt::format(" [{}, {}]", purges_[index].least, purges_[index].most);
  }
  return fmt::format(
      "key {} of table {} has the versions{}, or other values; expected those of the changes{}, with the purges{} "
      "(floor {})",
      quoted(projection_key(search.wrong)), projection_table(table).to_string(), shown, changed, purged,
      contents.floor);
}

Verdict Lineage::judge_tables(const Payloads& payloads, const ProjectionContents& contents, const Window& window,
                              Chosen& chosen) const {
  const std::vector<Changes> tables = changes_of(payloads, contents.applied);
  for (uint32_t table = 0; table < kProjectionTables; ++table) {
    if (Verdict verdict = judge_table(tables[table], contents, window, table, chosen)) {
      return verdict;
    }
  }
  return std::nullopt;
}

Verdict Lineage::judge(const Payloads& payloads, const ProjectionContents& contents, const Window& window) const {
  if (generation_ != 0 && contents.generation != generation_) {
    return fmt::format("generation {} is shown, expected {}", contents.generation, generation_);
  }
  if (contents.applied < window.least || contents.applied > window.most) {
    return fmt::format("its position is {}, expected {} to {}", contents.applied, window.least, window.most);
  }
  if (Verdict verdict = judge_floor(contents, window)) {
    return verdict;
  }
  Chosen chosen;
  return judge_tables(payloads, contents, window, chosen);
}

void Lineage::settle(const Payloads& payloads, const ProjectionContents& contents, uint64_t moment) {
  const Window window{.asked = moment, .asked_floor = 0, .shown = moment, .least = 0, .most = contents.applied};
  Chosen chosen;
  CHECK(!judge_tables(payloads, contents, window, chosen));
  std::vector<Purge> purges;
  for (size_t index = 0; index < purges_.size(); ++index) {
    if (std::ranges::find(chosen, index, &std::pair<size_t, uint64_t>::first) != chosen.end()) {
      purges.push_back(purges_[index]);
      purges.back().answered = 0;
      purges.back().most = std::min(purges.back().most, contents.applied);
    }
  }
  purges_ = std::move(purges);
  begun_ = answered_ = 0;
  generation_ = contents.generation;
  floor_ = contents.floor;
  raises_.clear();
  known_.resize(std::min<size_t>(known_.size(), contents.applied));
  settle_applied(payloads, contents, window);
  narrow_purges(payloads, contents);
}

// What is shown tells which events were applied as redacted ones, where that shows.
void Lineage::settle_applied(const Payloads& payloads, const ProjectionContents& contents, const Window& window) {
  for (Known& known : known_) {
    if (known.applied != Applied::kEither) {
      known.is_sure = true;
      continue;
    }
    const auto fits = [&](Applied applied) {
      known.applied = applied;
      Chosen chosen;
      return !judge_tables(payloads, contents, window, chosen);
    };
    const bool whole = fits(Applied::kWhole);
    const bool redacted = fits(Applied::kRedacted);
    known.applied = whole == redacted ? Applied::kEither : whole ? Applied::kWhole : Applied::kRedacted;
    known.is_sure = true;
  }
}

void Lineage::narrow_purges(const Payloads& payloads, const ProjectionContents& contents) {
  const Window window{.asked = kNever - 1, .asked_floor = 0, .shown = kNever, .least = 0, .most = kNever};
  const std::vector<Changes> tables = changes_of(payloads, contents.applied);
  for (Purge& purge : purges_) {
    const Purge before = purge;
    if (before.most == kNever || before.least == before.most) {
      continue;
    }
    uint64_t least = kNever;
    uint64_t most = 0;
    for (uint64_t position = before.least; position <= std::min(before.most, contents.applied); ++position) {
      purge.least = purge.most = position;
      Chosen chosen;
      if (!judge_table(tables[purge.table], contents, window, purge.table, chosen)) {
        least = std::min(least, position);
        most = std::max(most, position);
      }
    }
    purge.least = least <= most ? least : before.least;
    purge.most = least <= most ? most : before.most;
  }
}

}  // namespace holdfast::sim
