// Foreign file: between two runs somebody removed a file of the database, or put another one in its place: of another
// database, from an older backup of this one, or half of that.
//
// Promise, by what was done to which file:
//
//   tree      removed     open refuses: `corruption` at "tree". Never an empty database
//             foreign     open refuses: `corruption` at "tree"; so for an empty file, or one that is no tree
//             older       cannot be told from a database that did nothing since (below). Open shows exactly the commits
//                         that the copy held: a beginning of the history, whole, never a mixture of two states
//             mixture     of the older and the newer file (a copy that was cut short): what is read is of the commit
//                         that is shown, or it is `corruption`
//   identity  removed     open refuses: `corruption` at "identity". Read-only it opens, and everything is there:
//                         the rows can be copied out; `check` lists the file
//             foreign     open refuses: `corruption` at "tree", which is not of the database that the identity names.
//                         Which of the two files is foreign nobody can tell
//             older       is the same file: it never changes
//   both      removed     open refuses: `corruption` at "tree" if there are files of the log or of streams, else
//                         `not_found`. Only Options::create_if_missing, given for a directory that holds
//                         nothing, makes a new database
//   lock      removed     made again: everything is there
//   a name that is not the database's: left alone
//
// Why an older tree file cannot be told: all that changes with a commit is in that one file, and the files beside it
// are as old as the database. The same holds for a whole directory that is put back, or exchanged for another one. Who
// must know keeps a commit number outside and compares it with Snapshot::csn().
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct ForeignFile {
  static constexpr Kind kKind = Kind::kForeignFile;
  static constexpr Class kClass = Class::kDetected;
  static constexpr const char* kName = "foreign_file";
  static constexpr const char* kRules = "R29";

  enum class Change : uint8_t { kRemoved, kForeign, kOlder, kMixture, kCount };
  uint32_t one_in = 0;  // restarts; 0: never
};

}  // namespace holdfast::fault
