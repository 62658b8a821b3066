// Foreign probes: copies of the disk on which a file of the database is missing, foreign or older
// (fault/foreign_file.h), opened and examined while the run stands still.
#pragma once

#include "fault/foreign_file.h"
#include "sim/copies.h"

namespace holdfast::sim {

// What is done to which file. "tree+identity": both; "extra": a name that the database does not know.
struct ForeignChange {
  fault::ForeignFile::Change change = fault::ForeignFile::Change::kRemoved;
  std::string_view file = "tree";
};
ForeignChange draw_foreign_change(Decisions& decisions);

// `disk` is at rest, the oracle settled, and a database is there. Whether the promise of the change is kept.
CopyResult foreign_probe(const CopyContext& context, const SimDisk& disk, const ForeignChange& what,
                         Decisions decisions);

}  // namespace holdfast::sim
