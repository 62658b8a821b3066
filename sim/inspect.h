// Inspection: everything that a database shows, read in several ways that must agree.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <holdfast/database.h>

#include "sim/oracle.h"

namespace holdfast::sim {

enum class Tolerance : uint8_t {
  kNone,    // any error is a broken promise
  kDamage,  // the disk is damaged: errors of reading are answers, wrong data never is
};

struct Inspection {
  Contents contents;
  // The rows of contents.buckets[i], last first, as far as they could be read.
  std::vector<Contents::Bucket> reversed;
  uint64_t rows = 0;
  bool met_damage = false;
};

// Reads the newest snapshot: the list of buckets, every bucket in both directions, and some rows by key; then every
// stream from its oldest record on, and (without tolerance) verifies it against what is trusted.
// `broken`: what the database contradicted, or (without tolerance) which error it answered.
Inspection inspect(const Database& database, Model& model, Tolerance tolerance, Verdict& broken);

// Whether what could be read, in both directions, is the state after commit `csn`. Pre: csn <= model.newest_csn().
Verdict judge_contents(const Inspection& seen, const Model& model, uint64_t csn);
// Every row of every bucket of a snapshot. Errors: those of reading.
Result<std::vector<Contents::Bucket>> read_buckets(const Snapshot& snapshot, Model& model);
// Whether these are all buckets after commit `csn`, with all their rows. Pre: csn <= model.newest_csn().
Verdict judge_buckets(const std::vector<Contents::Bucket>& buckets, const Model& model, uint64_t csn);
// Whether these may be all pins of the state after commit `csn`, and hold what was pinned. Pre: as above.
Verdict judge_pins(const Contents& contents, const Model& model, uint64_t csn);
// Whether both show the same.
bool same_contents(const Contents& a, const Contents& b);
SeenRecord seen_record(const StreamRecord& record);

// What must hold of the report on a sound database at any time: no damage, and every page is accounted for.
Verdict judge_pages(const CheckReport& report);

// Whether somebody may hold pages that nobody else needs.
enum class Snapshots : uint8_t { kNone, kAlive };
// And of its counts, if the newest commit is `csn`.
Verdict judge_counts(const CheckReport& report, const Model& model, uint64_t csn, Snapshots snapshots);
// What check() must report about a sound database whose newest commit is `csn`.
Verdict check_soundness(Database& database, const Model& model, uint64_t csn);

// Whether space came back: all was erased but the rows of the ledger and what streams keep.
Verdict judge_remainder(Database& database, uint32_t page_bytes);

}  // namespace holdfast::sim
