#include "sim/sim_disk.h"

#include <algorithm>

#include "base/check.h"
#include "sim/trace.h"

namespace holdfast::sim {

// --- names

std::optional<uint32_t> SimDisk::find_directory(std::string_view path) const {
  for (uint32_t index = 0; index < directories_.size(); ++index) {
    if (directories_[index]->path() == path) {
      return index;
    }
  }
  return std::nullopt;
}

uint32_t SimDisk::make_directory(std::string_view path) {
  CHECK(!find_directory(path));
  const auto number = static_cast<uint32_t>(directories_.size());
  directories_.emplace_back(new SimDirectory(number, path));
  return number;
}

std::optional<uint32_t> SimDisk::find(uint32_t directory, std::string_view name) const {
  return directories_[directory]->find(name);
}

uint32_t SimDisk::create(uint32_t directory, std::string_view name) {
  const uint32_t number = next_file_++;
  entries_.push_back({number, 0, Ref<Inode>(new Inode(number))});
  directories_[directory].own().create(next(), name, number);
  return number;
}

void SimDisk::rename(uint32_t directory, std::string_view from, std::string_view to) {
  directories_[directory].own().rename(next(), from, to);
}

void SimDisk::remove(uint32_t directory, std::string_view name) { directories_[directory].own().remove(next(), name); }

std::vector<std::string> SimDisk::list(uint32_t directory) const {
  std::vector<std::string> names;
  for (const auto& [name, number] : directories_[directory]->live()) {
    names.push_back(name);
  }
  return names;
}

// --- content

const SimDisk::Entry* SimDisk::find_entry(uint32_t file) const {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), file,
                                   [](const Entry& entry, uint32_t number) { return entry.number < number; });
  return at != entries_.end() && at->number == file ? &*at : nullptr;
}

SimDisk::Entry& SimDisk::entry(uint32_t file) {
  const Entry* found = find_entry(file);
  CHECK(found != nullptr);
  return entries_[static_cast<size_t>(found - entries_.data())];
}

const Inode& SimDisk::file(uint32_t file) const {
  const Entry* found = find_entry(file);
  CHECK(found != nullptr);
  return *found->inode;
}

Inode& SimDisk::own_file(uint32_t file) { return entry(file).inode.own(); }

void SimDisk::open(uint32_t file) { ++entry(file).open_count; }

void SimDisk::close(uint32_t file) {
  Entry& closed = entry(file);
  CHECK(closed.open_count > 0);
  --closed.open_count;
  // No other file has lost what led to it.
  const bool is_named = std::any_of(directories_.begin(), directories_.end(),
                                    [&](const Ref<SimDirectory>& directory) { return directory->refers_to(file); });
  if (closed.open_count == 0 && !is_named) {
    collect();
  }
}

void SimDisk::write(uint32_t file, uint64_t offset, std::span<const std::byte> data) {
  own_file(file).write(next(), offset, data);
}

void SimDisk::truncate(uint32_t file, uint64_t bytes) { own_file(file).truncate(next(), bytes); }

void SimDisk::allocate(uint32_t file, uint64_t offset, uint64_t bytes) {
  own_file(file).allocate(next(), offset, bytes);
}

// Forgets the files that nothing leads to any more.
void SimDisk::collect() {
  std::erase_if(entries_, [&](const Entry& candidate) {
    return candidate.open_count == 0 &&
           std::none_of(directories_.begin(), directories_.end(),
                        [&](const Ref<SimDirectory>& directory) { return directory->refers_to(candidate.number); });
  });
}

// --- durability

void SimDisk::sync(uint32_t file, Sequence until, const Decisions& decisions) {
  own_file(file).sync(until);
  if (personality_.names_at_sync == NamesAtSync::kMayPersist &&
      decisions.chance_at(Stream::kMetadata, mix(until, file), 1, 2)) {
    for (Ref<SimDirectory>& directory : directories_) {
      if (directory->pending_count() > 0) {
        directory.own().sync(until);
      }
    }
  }
}

void SimDisk::sync_directory(uint32_t directory, Sequence until) {
  if (directories_[directory]->pending_count() > 0) {
    directories_[directory].own().sync(until);
    collect();
  }
}

Survivors SimDisk::survivors(Decisions& decisions, const Entry* only, const CutImage& image) const {
  Survivors::Pending pending;
  bool any = false;
  for (const Entry& each : entries_) {
    if (only != nullptr && only != &each) {
      continue;
    }
    each.inode->visit_unsettled([&](uint64_t, const Slot& slot) {
      pending.unit_count += Survivors::pending_units(personality_, slot);
      for (const Version* version = slot.pending.get(); version != nullptr; version = version->older.get()) {
        pending.first = any ? std::min(pending.first, version->sequence) : version->sequence;
        pending.last = std::max(pending.last, version->sequence);
        any = true;
      }
    });
  }
  return {personality_, decisions, pending, image};
}

void SimDisk::fail_sync(uint32_t file, Decisions& decisions) {
  Entry& failed = entry(file);
  Survivors chosen = survivors(decisions, &failed);
  failed.inode.own().fail_sync(chosen, personality_.cache_after_failed_sync == CacheAfterFailedSync::kRevertsToOld);
}

void SimDisk::fail_sync_directory(uint32_t directory, Decisions& decisions) {
  Survivors chosen(personality_, decisions, {});
  directories_[directory].own().write_back(chosen, personality_);
}

void SimDisk::evict(uint32_t file) { own_file(file).evict(); }

// --- the world ends

SimDisk SimDisk::power_cut(Decisions& decisions, const CutImage& what, std::vector<CutImage::Sector>* kept) const {
  Survivors chosen = survivors(decisions, nullptr, what);
  chosen.record_into(kept);
  return cut(chosen);
}

SimDisk SimDisk::power_cut(CutChooser& chooser) const {
  Survivors chosen(personality_, chooser);
  return cut(chosen);
}

SimDisk SimDisk::cut(Survivors& chosen) const {
  SimDisk image = *this;
  image.locks_.clear();
  for (Ref<SimDirectory>& directory : image.directories_) {
    if (directory->pending_count() > 0 || directory->live() != directory->durable()) {
      directory.own().cut(chosen, personality_);
    }
  }
  for (Entry& each : image.entries_) {
    each.open_count = 0;
    if (!each.inode->settled()) {
      each.inode.own().cut(chosen);
    }
  }
  image.collect();
  if (cut_watcher != nullptr) {
    cut_watcher->cut(*this, image);
  }
  return image;
}

void SimDisk::process_kill() {
  locks_.clear();
  for (Entry& each : entries_) {
    each.open_count = 0;
  }
  collect();
}

// --- locks

std::optional<uint32_t> SimDisk::lock(uint32_t file, LockKind kind, uint32_t owner) {
  for (const Lock& held : locks_) {
    if (held.file == file && (kind == LockKind::kExclusive || held.kind == LockKind::kExclusive)) {
      return held.owner;
    }
  }
  locks_.push_back({file, kind, owner});
  return std::nullopt;
}

void SimDisk::unlock(uint32_t file, LockKind kind, uint32_t owner) {
  const auto held = std::find_if(locks_.begin(), locks_.end(), [&](const Lock& lock) {
    return lock.file == file && lock.kind == kind && lock.owner == owner;
  });
  CHECK(held != locks_.end());
  locks_.erase(held);
}

bool SimDisk::holds_lock(uint32_t file, uint32_t owner) const {
  return std::any_of(locks_.begin(), locks_.end(),
                     [&](const Lock& lock) { return lock.file == file && lock.owner == owner; });
}

// --- to look at

std::vector<uint32_t> SimDisk::files() const {
  std::vector<uint32_t> numbers;
  for (const Entry& each : entries_) {
    numbers.push_back(each.number);
  }
  return numbers;
}

uint64_t SimDisk::digest() const {
  uint64_t result = 0;
  for (const Ref<SimDirectory>& directory : directories_) {
    result = mix(result, trace_hash(directory->path()));
    for (const auto& [name, number] : directory->live()) {
      result = mix(mix(result, trace_hash(name)), file(number).digest());
    }
  }
  return result;
}

bool SimDisk::settled() const {
  return std::all_of(directories_.begin(), directories_.end(),
                     [](const Ref<SimDirectory>& directory) { return directory->pending_count() == 0; }) &&
         std::all_of(entries_.begin(), entries_.end(), [](const Entry& each) { return each.inode->settled(); });
}

}  // namespace holdfast::sim
