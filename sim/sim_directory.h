// SimDirectory: the names in one simulated directory, as programs see them and as a power cut leaves them.
//
// Changes of names are durable only after a sync of the directory (R6); a rename replaces its target at once or not at
// all (R7) and says nothing about content (R8).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/block.h"
#include "sim/personality.h"

namespace holdfast::sim {

class Survivors;

class SimDirectory {
 public:
  using Names = std::map<std::string, uint32_t, std::less<>>;

  SimDirectory(uint32_t number, std::string_view path) : number_(number), path_(path) {}
  SimDirectory(const SimDirectory& other)
      : number_(other.number_),
        path_(other.path_),
        live_(other.live_),
        durable_(other.durable_),
        pending_(other.pending_) {}
  SimDirectory& operator=(const SimDirectory&) = delete;
  mutable uint32_t references = 0;

  const std::string& path() const { return path_; }
  const Names& live() const { return live_; }
  const Names& durable() const { return durable_; }
  size_t pending_count() const { return pending_.size(); }
  std::optional<uint32_t> find(std::string_view name) const;
  // True while the file can be reached by a name, now or after a power cut.
  bool refers_to(uint32_t inode) const;

  // Pre: the name is free.
  void create(Sequence now, std::string_view name, uint32_t inode);
  // Pre: `from` is there.
  void rename(Sequence now, std::string_view from, std::string_view to);
  // Pre: the name is there.
  void remove(Sequence now, std::string_view name);

  // The changes up to `until` are durable.
  void sync(Sequence until);
  // Some legal part of the pending changes is durable; the others still wait (a journal that was interrupted).
  void write_back(Survivors& survivors, const Personality& personality);
  // What a power cut leaves.
  void cut(Survivors& survivors, const Personality& personality);

 private:
  enum class ChangeKind : uint8_t { kCreate, kRename, kRemove };
  struct Change {
    Sequence sequence;
    ChangeKind kind;
    std::string name;
    std::string to;
    uint32_t inode;
  };
  static void apply(const Change& change, Names& names);

  uint32_t number_;
  std::string path_;
  Names live_;
  Names durable_;
  std::vector<Change> pending_;
};

}  // namespace holdfast::sim
