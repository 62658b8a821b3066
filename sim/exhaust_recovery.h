// Recoveries: what databases show after crashes, by image of the disk; each image is recovered once.
//
// Owns everything that was seen: contents are kept once each, and named by numbers.
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/exhaust_program.h"
#include "sim/inspect.h"
#include "sim/sim_disk.h"

namespace holdfast::sim {

class Recoveries {
 public:
  explicit Recoveries(const ExhaustSetup& setup) : setup_(setup) {}

  // How the database is opened.
  struct Opening {
    bool created = false;
    Model& model;  // names of buckets, streams and projections
  };
  struct Shown {
    Verdict broken;  // what is wrong with it, whoever asks
    uint32_t contents = 0;
    uint64_t digest = 0;  // of the contents
  };
  // What a database on this image shows. `hash`: of it (ImageHasher). Whether it was new: was_new().
  const Shown& shown(const SimDisk& image, uint64_t hash, const Opening& opening);
  bool was_new() const { return was_new_; }
  // The same, on `disk` itself, while `hooks` watches what happens to it. Not kept. Where nothing is wrong, `then` is
  // given the database before its process ends.
  Shown recover(
      SimDisk& disk, DiskHooks& hooks, const Opening& opening,
      const std::function<void(Database& database, const Shown& shown)>& then = [](Database&, const Shown&) {});
  // What an open database shows.
  Shown look(const Database& database, Model& model);

  // Whether check() is content with a database on this image.
  Verdict check(const SimDisk& image, const Opening& opening);

  // Numbers of the same contents are equal.
  uint64_t kept_count() const { return by_image_.size(); }
  void forget();
  const Contents& contents(uint32_t number) const { return contents_[number]; }

 private:
  Result<Database> open(ExhaustProcess& process, const Opening& opening) const;
  uint32_t intern(Contents contents, uint64_t digest);

  ExhaustSetup setup_;
  bool was_new_ = false;
  std::unordered_map<uint64_t, Shown> by_image_;  // looked up, never walked
  std::vector<Contents> contents_;
  std::unordered_multimap<uint64_t, uint32_t> by_digest_;  // looked up, never walked
};

}  // namespace holdfast::sim
