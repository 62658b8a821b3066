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

// Reads the newest snapshot: the list of buckets, every bucket in both directions, and some rows by key.
// `broken`: what the database contradicted, or (without tolerance) which error it answered.
Inspection inspect(const Database& database, Model& model, Tolerance tolerance, Verdict& broken);

// What check() must report about a sound database on which no transaction and no snapshot lives.
Verdict check_soundness(Database& database, const Model& model, uint64_t csn);

}  // namespace holdfast::sim
