#include "db/open.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/planted.h"
#include "format/identity.h"
#include "log/segment_file.h"
#include "page/meta_pages.h"
#include "wal/slot_file.h"

namespace holdfast {

namespace {

constexpr std::string_view kNewTreeFileName = "tree.new";
constexpr std::string_view kNewIdentityFileName = "identity.new";

struct Found {
  bool tree = false, identity = false, leftovers = false;
  bool log = false;     // of the write-ahead log, or of streams
  std::string foreign;  // one name that is not ours
};

Result<Found> look_around(Directory& directory) {
  HOLDFAST_TRY_ASSIGN(const std::vector<std::string> names, directory.list());
  Found found;
  for (const std::string& name : names) {
    if (name == kTreeFileName) {
      found.tree = true;
    } else if (name == kIdentityFileName) {
      found.identity = true;
    } else if (name == kNewTreeFileName || name == kNewIdentityFileName) {
      found.leftovers = true;
    } else if (wal::parse_slot_file_name(name) || log::parse_segment_file_name(name)) {
      found.log = true;
    } else if (name != kLockFileName && found.foreign.empty()) {
      found.foreign = name;
    }
  }
  return found;
}

// Errors if there is no database here and none may be created.
Result<void> allow(const Found& found, const Directory& directory, const Options& options) {
  if (found.tree || found.identity || found.log) {
    return {};
  }
  if (options.read_only || !options.create_if_missing) {
    return fail(ErrorCode::kNotFound,
                "there is no database in " + directory.path() +
                    (found.foreign.empty() ? "" : ", only foreign files such as " + found.foreign));
  }
  if (!found.foreign.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the directory " + directory.path() + " holds foreign files such as " +
                                                 found.foreign +
                                                 "; a database is created in an empty or new directory");
  }
  return {};
}

Result<format::Identity> read_identity(Directory& directory) {
  HOLDFAST_TRY_ASSIGN(const std::unique_ptr<File> file, directory.open_file(kIdentityFileName, OpenMode::kReadOnly));
  // One byte more, so that a longer file is noticed.
  std::array<std::byte, format::kIdentityBytes + 1> bytes{};
  HOLDFAST_TRY_ASSIGN(const size_t size, file->read_at(0, bytes));
  auto identity = format::decode_identity(std::span(bytes).first(size));
  if (!identity) {
    return fail(std::move(identity).error().at(kIdentityFileName, 0));
  }
  return *identity;
}

Result<void> write_identity(Directory& directory, const format::Identity& identity) {
  HOLDFAST_TRY_ASSIGN(const std::unique_ptr<File> file, directory.open_file(kNewIdentityFileName, OpenMode::kCreate));
  HOLDFAST_TRY(file->truncate(0));
  HOLDFAST_TRY(file->write_at(0, format::encode_identity(identity)));
  if (!PLANTED(kIdentitySync)) {
    HOLDFAST_TRY(file->sync());
  }
  HOLDFAST_TRY(directory.rename(kNewIdentityFileName, kIdentityFileName));
  return PLANTED(kIdentityNameSync) ? Result<void>() : directory.sync();
}

// For a tree without an identity. A creation that was cut short leaves that; but no log is made and no commit is taken
// before the identity is durable, so where there is either, the file was lost since. Errors: corruption, io,
// unsupported.
Result<void> refuse_lost_identity(Directory& directory, const Found& found) {
  HOLDFAST_TRY_ASSIGN(const std::unique_ptr<File> file, directory.open_file(kTreeFileName, OpenMode::kReadOnly));
  HOLDFAST_TRY_ASSIGN(const format::Meta meta, find_newest_meta(*file));
  if ((meta.csn == Csn{} && !found.log) || PLANTED(kLostIdentity)) {
    return {};
  }
  return fail(Error(ErrorCode::kCorruption,
                    "the identity file is missing; it never changes, so put it back from any backup of this database, "
                    "or open read-only and copy the rows to a new one")
                  .at(kIdentityFileName));
}

Result<void> create_tree(Env& env, Directory& directory, const Found& found, uint32_t page_bytes) {
  if (found.leftovers) {
    for (const std::string_view name : {kNewTreeFileName, kNewIdentityFileName}) {
      if (const auto removed = directory.remove(name); !removed && removed.error().code() != ErrorCode::kNotFound) {
        return fail(removed.error());
      }
    }
  }
  format::DatabaseId id{};
  env.random().fill(std::as_writable_bytes(std::span(id)));
  HOLDFAST_TRY(PageStore::create(env, directory, kTreeFileName, id, page_bytes));
  return PLANTED(kTreeNameSync) ? Result<void>() : directory.sync();
}

}  // namespace

Result<OpenFiles> open_files(Env& env, std::string_view path, const Options& options) {
  const bool may_create = options.create_if_missing && !options.read_only;
  OpenFiles files;
  HOLDFAST_TRY_ASSIGN(files.directory, env.open_directory(path, may_create ? DirectoryMode::kCreateIfMissing
                                                                           : DirectoryMode::kMustExist));
  Directory& directory = *files.directory;
  // Looked at twice: before the lock, so that nothing is written to a directory that is not ours; and under it.
  HOLDFAST_TRY_ASSIGN(Found found, look_around(directory));
  HOLDFAST_TRY(allow(found, directory, options));
  HOLDFAST_TRY_ASSIGN(files.lock,
                      directory.lock(kLockFileName, options.read_only ? LockMode::kShared : LockMode::kExclusive));
  if (!options.read_only) {
    // A name that is seen but was never made durable (a creation was killed, or its sync failed) could vanish after
    // what was committed under it. This sync covers the identity: nothing else makes it last when it is found.
    HOLDFAST_TRY(PLANTED(kOpenNameSync) ? Result<void>() : directory.sync());
  }
  HOLDFAST_TRY_ASSIGN(found, look_around(directory));
  HOLDFAST_TRY(allow(found, directory, options));

  if ((found.identity || found.log) && !found.tree) {
    return fail(Error(ErrorCode::kCorruption, "the tree file is missing").at(kTreeFileName));
  }
  std::optional<format::Identity> identity;
  if (found.identity) {
    HOLDFAST_TRY_ASSIGN(identity, read_identity(directory));
  }
  if (!found.tree) {
    HOLDFAST_TRY(create_tree(env, directory, found, options.page_bytes));
  }
  if (found.tree && !identity && !options.read_only) {
    HOLDFAST_TRY(refuse_lost_identity(directory, found));
  }
  PageStoreOptions store_options{.cache_bytes = options.cache_bytes, .read_only = options.read_only};
  if (identity) {
    store_options.database_id = identity->database_id;
  }
  HOLDFAST_TRY_ASSIGN(files.store, PageStore::open(env, directory, kTreeFileName, store_options));
  const format::Meta& meta = files.store->meta();
  if (identity && identity->page_bytes != meta.page_bytes) {
    return fail(Error(ErrorCode::kCorruption, "the identity file names another page size than the tree file has")
                    .at(kIdentityFileName, 0));
  }
  if (!identity && !options.read_only) {
    HOLDFAST_TRY(write_identity(directory, {.database_id = meta.database_id, .page_bytes = meta.page_bytes}));
  }
  return files;
}

}  // namespace holdfast
