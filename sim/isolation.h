// The isolation checker: whether what clients were answered in one life of the database can be explained by some order
// of commits, under the isolation that each of them asked for. It is independent of Model and Oracle: it uses no commit
// numbers, only who read whose value, who was answered before whom asked, and what was there before and after.
//
// Each transaction has a start (its snapshot) and a commit. Known are:
//   real time    who was answered before another asked, committed before that one started
//   write-read   who wrote a value committed before whoever read it started
//   write-write  of two writers of a key one committed before the other started (first committer wins)
//   read-write   who read a value started before whoever overwrote it committed; if it is serializable and changed
//                something, its commit, too, was before that one
// Which value overwrote which is taken from these rules alone, as far as they leave no choice. A cycle breaks
// isolation: under snapshot isolation every one but those with two read-writes next to each other, and these rules make
// no others. The names are Adya's (G0, G1a, G1b, G1c, G-single, G2); "against real time" if an order of answers is part
// of it.
//
// Reads of erased ranges, existence of buckets, and values that several transactions may have written are used only
// where one explanation is left.
#pragma once

#include <optional>
#include <string>

#include "sim/history.h"
#include "sim/isolation_report.h"

namespace holdfast::sim {

// Histories with more attempts are not checked.
constexpr size_t kAttemptsMax = 2'500;

// Pure. Nullopt: no objection. `after`: what the next life was shown.
std::optional<std::string> check_isolation(const LifeHistory& life, const Contents& after,
                                           const BucketNames& bucket_name);

}  // namespace holdfast::sim
