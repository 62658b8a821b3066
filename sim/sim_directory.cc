#include "sim/sim_directory.h"

#include <algorithm>
#include <set>

#include "base/check.h"
#include "sim/survivors.h"

namespace holdfast::sim {

std::optional<uint32_t> SimDirectory::find(std::string_view name) const {
  const auto found = live_.find(name);
  return found == live_.end() ? std::nullopt : std::optional(found->second);
}

bool SimDirectory::refers_to(uint32_t inode) const {
  const auto is_it = [&](const auto& entry) { return entry.second == inode; };
  return std::any_of(live_.begin(), live_.end(), is_it) || std::any_of(durable_.begin(), durable_.end(), is_it) ||
         std::any_of(pending_.begin(), pending_.end(), [&](const Change& change) { return change.inode == inode; });
}

void SimDirectory::apply(const Change& change, Names& names) {
  switch (change.kind) {
    case ChangeKind::kCreate: names[change.name] = change.inode; return;
    case ChangeKind::kRename:
      names.erase(change.name);
      names[change.to] = change.inode;
      return;
    case ChangeKind::kRemove: names.erase(change.name); return;
  }
}

void SimDirectory::create(Sequence now, std::string_view name, uint32_t inode) {
  CHECK(!live_.contains(name));
  pending_.push_back({now, ChangeKind::kCreate, std::string(name), {}, inode});
  apply(pending_.back(), live_);
}

void SimDirectory::rename(Sequence now, std::string_view from, std::string_view to) {
  const auto inode = find(from);
  CHECK(inode);
  if (from == to) {
    return;
  }
  pending_.push_back({now, ChangeKind::kRename, std::string(from), std::string(to), *inode});
  apply(pending_.back(), live_);
}

void SimDirectory::remove(Sequence now, std::string_view name) {
  const auto inode = find(name);
  CHECK(inode);
  pending_.push_back({now, ChangeKind::kRemove, std::string(name), {}, *inode});
  apply(pending_.back(), live_);
}

void SimDirectory::sync(Sequence until) {
  const auto late =
      std::find_if(pending_.begin(), pending_.end(), [&](const Change& change) { return change.sequence > until; });
  std::for_each(pending_.begin(), late, [&](const Change& change) { apply(change, durable_); });
  pending_.erase(pending_.begin(), late);
}

void SimDirectory::write_back(Survivors& survivors, const Personality& personality) {
  if (personality.metadata_order == MetadataOrder::kPrefix) {
    std::vector<Sequence> changes;
    for (const Change& change : pending_) {
      changes.push_back(change.sequence);
    }
    const auto end = pending_.begin() + static_cast<ptrdiff_t>(survivors.name_prefix(number_, changes));
    std::for_each(pending_.begin(), end, [&](const Change& change) { apply(change, durable_); });
    pending_.erase(pending_.begin(), end);
    return;
  }
  // A change depends on the earlier ones that touched its names.
  std::set<std::string, std::less<>> lost_names;
  std::vector<Change> waiting;
  for (size_t index = 0; index < pending_.size(); ++index) {
    Change& change = pending_[index];
    const bool possible = !lost_names.contains(change.name) && !lost_names.contains(change.to);
    // Asked in any case: which choices there are does not depend on the earlier ones.
    const bool kept = survivors.keeps_name(number_, index, change.sequence);
    if (possible && kept) {
      apply(change, durable_);
      continue;
    }
    lost_names.insert(change.name);
    if (change.kind == ChangeKind::kRename) {
      lost_names.insert(change.to);
    }
    waiting.push_back(std::move(change));
  }
  pending_ = std::move(waiting);
}

void SimDirectory::cut(Survivors& survivors, const Personality& personality) {
  write_back(survivors, personality);
  pending_.clear();
  live_ = durable_;
}

}  // namespace holdfast::sim
