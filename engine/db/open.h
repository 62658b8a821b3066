// Opening a database directory: creation, identity, lock, and what a creation that was cut short left behind.
//
//   file         holds
//   tree         pages; the database itself
//   identity     format/identity.h; written last when a database is created
//   wal-LL-SSSS  the write-ahead log (engine/wal/slot_file.h); made by the first open that writes
//   stream-*     segments of streams (format/stream_segment.h)
//   lock         nothing that matters; locked while the database is open
//
// Creation: tree.new, sync, rename to tree, sync the directory; then identity.new, sync, rename to identity, sync the
// directory. Only then is a log made and a commit taken. So a tree without an identity, a log and a commit is a
// creation that was cut short, and is completed (if it was a whole database, nothing was in it). With commits it lost
// its identity, which is an error; read-only it opens, because the tree holds all that its rows need. An identity, or a
// log, without a tree is a database that lost its tree, and never an empty one. A directory with other files in it, and
// none of ours, is not ours to write to.
#pragma once

#include <memory>
#include <string_view>

#include <holdfast/env.h>
#include <holdfast/options.h>
#include <holdfast/result.h>

#include "page/page_store.h"

namespace holdfast {

constexpr std::string_view kTreeFileName = "tree";
constexpr std::string_view kIdentityFileName = "identity";
constexpr std::string_view kLockFileName = "lock";

// What an open database holds on to. Destroyed in the right order: pages, lock, directory.
struct OpenFiles {
  std::unique_ptr<Directory> directory;
  std::unique_ptr<FileLock> lock;
  std::unique_ptr<PageStore> store;
};

// Pre: check_options(options). Errors: those of Database::open.
Result<OpenFiles> open_files(Env& env, std::string_view path, const Options& options);

}  // namespace holdfast
