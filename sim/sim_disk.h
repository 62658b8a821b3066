// SimDisk: a simulated disk with a POSIX file system on it: directories of plain files, a cache, and a legal answer to
// the question what is left after the power was cut. A value: copies are independent and cost microseconds, because
// everything is shared until it changes.
//
// It knows what is true; it injects nothing and calls nobody (that is SimEnv's part). Files and directories are named
// by numbers that are never used again.
//
// Threads: one at a time. Rules Rn: fault/table.h.
// Invariants
// 1. What a completed sync covered is in every power_cut() image (R4); nothing else is promised.
// 2. power_cut() is a function of the disk and the decisions alone.
// 3. A file exists as long as a name, a possible name after a power cut, or an open handle leads to it (R18).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/inode.h"
#include "sim/personality.h"
#include "sim/random.h"
#include "sim/sim_directory.h"
#include "sim/survivors.h"

namespace holdfast::sim {

class CutChooser;

enum class LockKind : uint8_t { kShared, kExclusive };

class SimDisk;

// Sees what each power cut left; of the process, null for none.
class CutWatcher {
 public:
  virtual ~CutWatcher() = default;
  virtual void cut(const SimDisk& before, const SimDisk& after) = 0;
};

class SimDisk {
 public:
  static inline CutWatcher* cut_watcher = nullptr;

  explicit SimDisk(const Personality& personality = kPosixMin) : personality_(personality) {}

  const Personality& personality() const { return personality_; }

  // --- names. `directory` and `file` must exist.
  std::optional<uint32_t> find_directory(std::string_view path) const;
  // The new directory's name is durable. Pre: it is not there.
  uint32_t make_directory(std::string_view path);
  const SimDirectory& directory(uint32_t directory) const { return *directories_[directory]; }
  std::optional<uint32_t> find(uint32_t directory, std::string_view name) const;
  uint32_t create(uint32_t directory, std::string_view name);
  void rename(uint32_t directory, std::string_view from, std::string_view to);
  void remove(uint32_t directory, std::string_view name);
  std::vector<std::string> list(uint32_t directory) const;

  // --- content
  bool exists(uint32_t file) const { return find_entry(file) != nullptr; }
  const Inode& file(uint32_t file) const;
  // To put damage on it.
  Inode& own_file(uint32_t file);
  void open(uint32_t file);
  void close(uint32_t file);
  void write(uint32_t file, uint64_t offset, std::span<const std::byte> data);
  void truncate(uint32_t file, uint64_t bytes);
  void allocate(uint32_t file, uint64_t offset, uint64_t bytes);

  // --- durability. A sync covers what had completed when it was called: take moment() then, pass it later.
  Sequence moment() const { return sequence_; }
  // `decisions` says whether a journal takes names along (R5).
  void sync(uint32_t file, Sequence until, const Decisions& decisions);
  void sync_directory(uint32_t directory, Sequence until);
  // The sync that answers an error: an arbitrary part is durable, and the rest counts as clean (R14).
  void fail_sync(uint32_t file, Decisions& decisions);
  // The directory's sync that answers an error: an arbitrary part is durable, and the rest still waits (R23).
  void fail_sync_directory(uint32_t directory, Decisions& decisions);
  // Clean cached blocks are dropped: lies left by failed syncs come to light (R14, R21).
  void evict(uint32_t file);

  // --- the world ends
  // What is on the disk when the power comes back: one of the legal images. `kept`, if not null, is told the sectors
  // that did survive with what was not durable.
  SimDisk power_cut(Decisions& decisions, const CutImage& image = {},
                    std::vector<CutImage::Sector>* kept = nullptr) const;
  // The one that `chooser` chooses.
  SimDisk power_cut(CutChooser& chooser) const;
  // The process is gone, and with it its handles and locks; the cache stays (R15).
  void process_kill();

  // --- advisory locks on a file: the owner that is in the way, if any.
  std::optional<uint32_t> lock(uint32_t file, LockKind kind, uint32_t owner);
  void unlock(uint32_t file, LockKind kind, uint32_t owner);
  bool holds_lock(uint32_t file, uint32_t owner) const;

  // --- to look at
  std::vector<uint32_t> files() const;
  // Of every name and every byte that reads see.
  uint64_t digest() const;
  // True if a power cut cannot change anything.
  bool settled() const;

 private:
  struct Entry {
    uint32_t number = 0;
    uint32_t open_count = 0;
    Ref<Inode> inode;
  };
  struct Lock {
    uint32_t file;
    LockKind kind;
    uint32_t owner;
  };
  const Entry* find_entry(uint32_t file) const;
  Entry& entry(uint32_t file);
  Sequence next() { return ++sequence_; }
  void collect();
  Survivors survivors(Decisions& decisions, const Entry* only, const CutImage& image = {}) const;
  SimDisk cut(Survivors& chosen) const;

  Personality personality_;
  Sequence sequence_ = 0;
  uint32_t next_file_ = 1;
  std::vector<Entry> entries_;  // by number
  std::vector<Ref<SimDirectory>> directories_;
  std::vector<Lock> locks_;
};

}  // namespace holdfast::sim
