#include "sim/sim_directory_handle.h"

#include <cerrno>

#include "base/bytes.h"
#include "env/os_error.h"
#include "sim/io_faults.h"
#include "sim/race_detector.h"
#include "sim/sim_file.h"

namespace holdfast::sim {

namespace {

// Leaves the owner's process id in the file while it is held exclusively, as the real environment does.
class SimLock final : public FileLock {
 public:
  SimLock(SimEnv& env, uint32_t file, std::string_view name, LockKind kind)
      : env_(env), file_(file), name_(name), kind_(kind) {}
  ~SimLock() override {
    const Unwatched unwatched;
    const IoEvent event{.kind = IoKind::kUnlock, .file = file_, .name = name_};
    if (!env_.begin(event)) {
      return;
    }
    if (kind_ == LockKind::kExclusive) {
      env_.disk().truncate(file_, 0);
    }
    env_.disk().unlock(file_, kind_, env_.machine().process_id);
    env_.disk().close(file_);
    static_cast<void>(env_.end(event));
  }
  SimLock(const SimLock&) = delete;
  SimLock& operator=(const SimLock&) = delete;

 private:
  SimEnv& env_;
  uint32_t file_;
  std::string name_;
  LockKind kind_;
};

}  // namespace

Result<std::unique_ptr<File>> SimDirectoryHandle::open_file(std::string_view name, OpenMode mode) {
  const Unwatched unwatched;
  HOLDFAST_TRY(check_file_name(name));
  IoEvent event{.kind = IoKind::kOpen, .name = name};
  if (!env_.begin(event)) {
    return fail(os_failure("open the file", name, EIO));
  }
  SimDisk& disk = env_.disk();
  std::optional<uint32_t> file = disk.find(directory_, name);
  if (file && mode == OpenMode::kCreateNew) {
    event.os_error = EEXIST;
  } else if (!file && (mode == OpenMode::kReadOnly || mode == OpenMode::kReadWrite)) {
    event.os_error = ENOENT;
  } else if (!file && env_.machine().faults != nullptr) {
    event.os_error = env_.machine().faults->fail_name_change(env_, event);
  }
  if (event.os_error == 0) {
    if (!file) {
      file = disk.create(directory_, name);
    }
    event.file = *file;
    disk.open(*file);
  }
  const bool alive = env_.end(event);
  if (event.os_error != 0 || !alive) {
    return fail(os_failure("open the file", name, alive ? event.os_error : EIO));
  }
  const auto access = mode == OpenMode::kReadOnly ? SimFile::Access::kRead : SimFile::Access::kReadWrite;
  return std::make_unique<SimFile>(env_, *file, name, access);
}

Result<std::vector<std::string>> SimDirectoryHandle::list() {
  const Unwatched unwatched;
  IoEvent event{.kind = IoKind::kList, .name = path_};
  if (!env_.begin(event)) {
    return fail(os_failure("list the directory", path_, EIO));
  }
  std::vector<std::string> names = env_.disk().list(directory_);
  event.done_bytes = names.size();
  if (!env_.end(event)) {
    return fail(os_failure("list the directory", path_, EIO));
  }
  return names;
}

Result<void> SimDirectoryHandle::rename(std::string_view from, std::string_view to) {
  const Unwatched unwatched;
  HOLDFAST_TRY(check_file_name(from));
  HOLDFAST_TRY(check_file_name(to));
  IoEvent event{.kind = IoKind::kRename, .name = from};
  if (!env_.begin(event)) {
    return fail(os_failure("rename the file", from, EIO));
  }
  if (const auto file = env_.disk().find(directory_, from)) {
    event.file = *file;
    event.os_error = env_.machine().faults == nullptr ? 0 : env_.machine().faults->fail_name_change(env_, event);
    if (event.os_error == 0) {
      env_.disk().rename(directory_, from, to);
    }
  } else {
    event.os_error = ENOENT;
  }
  const bool alive = env_.end(event, trace_hash(to));
  if (event.os_error != 0 || !alive) {
    return fail(os_failure("rename the file", from, alive ? event.os_error : EIO));
  }
  return {};
}

Result<void> SimDirectoryHandle::remove(std::string_view name) {
  const Unwatched unwatched;
  HOLDFAST_TRY(check_file_name(name));
  IoEvent event{.kind = IoKind::kRemove, .name = name};
  if (!env_.begin(event)) {
    return fail(os_failure("remove the file", name, EIO));
  }
  if (const auto file = env_.disk().find(directory_, name)) {
    event.file = *file;
    event.os_error = env_.machine().faults == nullptr ? 0 : env_.machine().faults->fail_name_change(env_, event);
    if (event.os_error == 0) {
      env_.disk().remove(directory_, name);
    }
  } else {
    event.os_error = ENOENT;
  }
  const bool alive = env_.end(event);
  if (event.os_error != 0 || !alive) {
    return fail(os_failure("remove the file", name, alive ? event.os_error : EIO));
  }
  return {};
}

Result<void> SimDirectoryHandle::sync() {
  const Unwatched unwatched;
  IoEvent event{.kind = IoKind::kSyncDirectory, .name = path_};
  if (env_.dead()) {
    return fail(os_failure("sync the directory", path_, EIO));
  }
  const Sequence until = env_.disk().moment();
  if (!env_.begin(event)) {
    return fail(os_failure("sync the directory", path_, EIO));
  }
  if (IoFaults* faults = env_.machine().faults; faults == nullptr) {
    env_.disk().sync_directory(directory_, until);
  } else if (!faults->sync_directory(env_, event, directory_, until)) {
    event.os_error = EIO;
  }
  const bool alive = env_.end(event);
  if (event.os_error != 0 || !alive) {
    return fail(os_failure("sync the directory", path_, EIO));
  }
  return {};
}

Result<std::unique_ptr<FileLock>> SimDirectoryHandle::lock(std::string_view name, LockMode mode) {
  const Unwatched unwatched;
  HOLDFAST_TRY(check_file_name(name));
  IoEvent event{.kind = IoKind::kLock, .name = name};
  if (!env_.begin(event)) {
    return fail(os_failure("open the lock file", name, EIO));
  }
  SimDisk& disk = env_.disk();
  const uint32_t process = env_.machine().process_id;
  const LockKind kind = mode == LockMode::kExclusive ? LockKind::kExclusive : LockKind::kShared;
  const auto found = disk.find(directory_, name);
  const uint32_t file = found ? *found : disk.create(directory_, name);
  event.file = file;
  const std::optional<uint32_t> owner = disk.lock(file, kind, process);
  if (owner) {
    event.os_error = EWOULDBLOCK;
  } else {
    disk.open(file);
    if (kind == LockKind::kExclusive) {
      disk.truncate(file, 0);
      disk.write(file, 0, as_bytes(std::to_string(process) + "\n"));
    }
  }
  if (!env_.end(event)) {
    return fail(os_failure("lock the file", name, EIO));
  }
  if (owner) {
    return fail(Error(ErrorCode::kBusy, "process " + std::to_string(*owner) + " has it open").at(name));
  }
  return std::make_unique<SimLock>(env_, file, name, kind);
}

}  // namespace holdfast::sim
