// The memory environment: an inode table, directories that name inodes, and locks inside this Env.
//
// Owns every inode. Any thread may call anything; MemoryStore::mutex guards names, counts and locks, each inode's own
// mutex guards its bytes, and the two are never held together. Invariants:
//   1. An inode lives while a name or an open handle (file or lock) refers to it: references > 0.
//   2. exclusive excludes shared_count > 0, and the other way round.
// Fails only as a file system would: missing names, names in use, and files beyond MemoryFileData::kFileBytesMax.
#include <holdfast/memory_env.h>

#include <cerrno>
#include <map>

#include "base/check.h"
#include "env/memory_file_data.h"
#include "env/os_error.h"
#include "env/sync.h"

namespace holdfast {

namespace {

struct Inode {
  MemoryFileData data;
  uint32_t references = 0;
  uint32_t shared_count = 0;
  bool exclusive = false;
};

using Names = std::map<std::string, uint64_t, std::less<>>;

struct MemoryStore {
  sync::Mutex mutex;
  uint64_t inode_next = 1;
  std::map<uint64_t, Inode> inodes;
  std::map<std::string, Names, std::less<>> directories;

  // All below: with `mutex` held.
  uint64_t create(Names& names, std::string_view name) {
    const uint64_t number = inode_next++;
    inodes[number].references = 1;
    names.emplace(name, number);
    return number;
  }
  void release(uint64_t number) {
    const auto found = inodes.find(number);
    CHECK(found != inodes.end() && found->second.references > 0);
    if (--found->second.references == 0) {
      inodes.erase(found);
    }
  }
};

// One reference to an inode.
class Handle {
 public:
  // With the store's mutex held.
  Handle(MemoryStore& store, uint64_t number) : store_(store), number_(number), inode_(store.inodes.at(number)) {
    ++inode_.references;
  }
  ~Handle() {
    const sync::Lock lock(store_.mutex);
    store_.release(number_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  MemoryStore& store() { return store_; }
  Inode& inode() { return inode_; }

 private:
  MemoryStore& store_;
  uint64_t number_;
  Inode& inode_;
};

enum class Access : uint8_t { kRead, kReadWrite };

class MemoryFile final : public File {
 public:
  MemoryFile(MemoryStore& store, uint64_t number, std::string_view name, Access access)
      : handle_(store, number), data_(handle_.inode().data), name_(name), access_(access) {}

  Result<void> sync() override { return {}; }
  Result<uint64_t> size() override { return data_.size(); }
  Result<void> truncate(uint64_t bytes) override {
    if (const int os_error = change_error([&] { return data_.resize(bytes); }); os_error != 0) {
      return fail(os_failure("truncate the file", name_, os_error));
    }
    return {};
  }
  Result<void> allocate(uint64_t offset, uint64_t bytes) override {
    const uint64_t end = bytes > UINT64_MAX - offset ? UINT64_MAX : offset + bytes;
    if (const int os_error = change_error([&] { return data_.grow(end); }); os_error != 0) {
      return fail(os_failure("reserve disk space", name_, os_error));
    }
    return {};
  }
  const std::string& name() const override { return name_; }

 protected:
  Transfer read_some(uint64_t offset, std::span<std::byte> buffer) override {
    return {.bytes = data_.read(offset, buffer)};
  }
  Transfer write_some(uint64_t offset, std::span<const std::byte> data) override {
    if (const int os_error = change_error([&] { return data_.write(offset, data); }); os_error != 0) {
      return {.os_error = os_error};
    }
    return {.bytes = data.size()};
  }

 private:
  template <class Change>
  int change_error(Change change) const {
    if (access_ == Access::kRead) {
      return EBADF;
    }
    return change() ? 0 : ENOSPC;
  }

  Handle handle_;
  MemoryFileData& data_;
  std::string name_;
  Access access_;
};

class MemoryLock final : public FileLock {
 public:
  // With the store's mutex held, and the lock free.
  MemoryLock(MemoryStore& store, uint64_t number, LockMode mode) : handle_(store, number), mode_(mode) {
    if (mode == LockMode::kExclusive) {
      handle_.inode().exclusive = true;
    } else {
      ++handle_.inode().shared_count;
    }
  }
  ~MemoryLock() override {
    const sync::Lock lock(handle_.store().mutex);
    if (mode_ == LockMode::kExclusive) {
      handle_.inode().exclusive = false;
    } else {
      --handle_.inode().shared_count;
    }
  }

 private:
  Handle handle_;
  LockMode mode_;
};

class MemoryDirectory final : public Directory {
 public:
  MemoryDirectory(MemoryStore& store, Names& names, std::string_view path)
      : store_(store), names_(names), path_(path) {}

  Result<std::unique_ptr<File>> open_file(std::string_view name, OpenMode mode) override {
    HOLDFAST_TRY(check_file_name(name));
    const sync::Lock lock(store_.mutex);
    const auto found = names_.find(name);
    const bool creates = mode == OpenMode::kCreate || mode == OpenMode::kCreateNew;
    if (found == names_.end() && !creates) {
      return fail(os_failure("open the file", name, ENOENT));
    }
    if (found != names_.end() && mode == OpenMode::kCreateNew) {
      return fail(os_failure("create the file", name, EEXIST));
    }
    const uint64_t number = found != names_.end() ? found->second : store_.create(names_, name);
    const Access access = mode == OpenMode::kReadOnly ? Access::kRead : Access::kReadWrite;
    return std::make_unique<MemoryFile>(store_, number, name, access);
  }

  Result<std::vector<std::string>> list() override {
    const sync::Lock lock(store_.mutex);
    std::vector<std::string> names;
    names.reserve(names_.size());
    for (const auto& [name, number] : names_) {
      names.push_back(name);
    }
    return names;
  }

  Result<void> rename(std::string_view from, std::string_view to) override {
    HOLDFAST_TRY(check_file_name(from));
    HOLDFAST_TRY(check_file_name(to));
    const sync::Lock lock(store_.mutex);
    const auto source = names_.find(from);
    if (source == names_.end()) {
      return fail(os_failure("rename the file", from, ENOENT));
    }
    if (from == to) {
      return {};
    }
    const uint64_t number = source->second;
    names_.erase(source);
    if (const auto target = names_.find(to); target != names_.end()) {
      store_.release(target->second);
      target->second = number;
    } else {
      names_.emplace(to, number);
    }
    return {};
  }

  Result<void> remove(std::string_view name) override {
    HOLDFAST_TRY(check_file_name(name));
    const sync::Lock lock(store_.mutex);
    const auto found = names_.find(name);
    if (found == names_.end()) {
      return fail(os_failure("remove the file", name, ENOENT));
    }
    store_.release(found->second);
    names_.erase(found);
    return {};
  }

  Result<void> sync() override { return {}; }

  Result<std::unique_ptr<FileLock>> lock(std::string_view name, LockMode mode) override {
    HOLDFAST_TRY(check_file_name(name));
    const sync::Lock lock(store_.mutex);
    const auto found = names_.find(name);
    const uint64_t number = found != names_.end() ? found->second : store_.create(names_, name);
    const Inode& inode = store_.inodes.at(number);
    if (inode.exclusive || (mode == LockMode::kExclusive && inode.shared_count > 0)) {
      return fail(Error(ErrorCode::kBusy, "this process has it open already").at(name));
    }
    return std::make_unique<MemoryLock>(store_, number, mode);
  }

  const std::string& path() const override { return path_; }

 private:
  MemoryStore& store_;
  Names& names_;  // directories are never removed from the store
  std::string path_;
};

class MemoryEnv final : public Env {
 public:
  Result<std::unique_ptr<Directory>> open_directory(std::string_view path, DirectoryMode mode) override {
    std::string_view key = path;
    while (key.size() > 1 && key.ends_with('/')) {
      key.remove_suffix(1);
    }
    const sync::Lock lock(store_.mutex);
    auto found = store_.directories.find(key);
    if (found == store_.directories.end()) {
      if (key.empty() || mode == DirectoryMode::kMustExist) {
        return fail(os_failure("open the directory", path, ENOENT));
      }
      found = store_.directories.emplace(key, Names{}).first;
    }
    return std::make_unique<MemoryDirectory>(store_, found->second, path);
  }
  Clock& clock() override { return posix_env().clock(); }
  Random& random() override { return posix_env().random(); }
  Threads& threads() override { return posix_env().threads(); }

 private:
  MemoryStore store_;
};

}  // namespace

std::unique_ptr<Env> new_memory_env() { return std::make_unique<MemoryEnv>(); }

}  // namespace holdfast
