#include "sim/sim_file.h"

#include <algorithm>
#include <cerrno>

#include "env/os_error.h"
#include "sim/io_faults.h"
#include "sim/race_detector.h"
#include "sim/scheduler.h"

namespace holdfast::sim {

SimFile::SimFile(SimEnv& env, uint32_t file, std::string_view name, Access access)
    : env_(env), file_(file), name_(name), access_(access), sync_errors_seen_(env.disk().file(file).failed_syncs()) {}

SimFile::~SimFile() {
  const Unwatched unwatched;
  const IoEvent closing = event(IoKind::kClose);
  if (!env_.begin(closing)) {
    return;
  }
  env_.disk().close(file_);
  static_cast<void>(env_.end(closing));
}

namespace {

uint32_t current_fiber() { return Scheduler::running() != nullptr ? Scheduler::running()->current() : 0; }

}  // namespace

std::unexpected<Error> SimFile::failure(const char* what, int os_error) const {
  return fail(os_failure(what, name_, os_error));
}

int SimFile::refuse_change() const {
  if (env_.dead()) {
    return EIO;
  }
  if (access_ == Access::kRead) {
    return EBADF;
  }
  // Other threads may be on their way to a change when a sync fails; what they write is nowhere relied on.
  if (distrusted_ && distrusted_by_ == current_fiber()) {
    env_.violated("a change through a handle whose sync has failed");
  }
  return 0;
}

File::Transfer SimFile::read_some(uint64_t offset, std::span<std::byte> buffer) {
  const Unwatched unwatched;
  IoEvent io = event(IoKind::kRead, offset, buffer.size());
  if (!env_.begin(io)) {
    return {.os_error = EIO};
  }
  uint64_t from = offset;
  if (IoFaults* faults = env_.machine().faults; faults != nullptr) {
    const TransferFault fault = faults->on_read(env_, io);
    io.os_error = fault.os_error;
    buffer = buffer.first(static_cast<size_t>(fault.bytes));
    from = fault.offset;
  }
  const Inode& inode = env_.disk().file(file_);
  if (inode.overlays().unreadable_in(from, buffer.size())) {
    io.os_error = EIO;
    buffer = {};
  }
  io.done_bytes = inode.read(from, buffer);
  has_written(buffer.data(), static_cast<size_t>(io.done_bytes));
  if (!env_.end(io, trace_hash(buffer.first(static_cast<size_t>(io.done_bytes))))) {
    return {.os_error = EIO};
  }
  return {.bytes = static_cast<size_t>(io.done_bytes), .os_error = io.os_error};
}

File::Transfer SimFile::write_some(uint64_t offset, std::span<const std::byte> data) {
  const Unwatched unwatched;
  IoEvent io = event(IoKind::kWrite, offset, data.size());
  if (const int refusal = refuse_change(); refusal != 0) {
    return {.os_error = refusal};
  }
  env_.begin_write(file_, offset, data.size());
  if (!env_.begin(io)) {
    return {.os_error = EIO};
  }
  IoFaults* faults = env_.machine().faults;
  if (faults != nullptr) {
    const TransferFault fault = faults->on_write(env_, io);
    io.os_error = fault.os_error;
    data = data.first(static_cast<size_t>(fault.bytes));
  }
  if (!data.empty()) {
    has_read(data.data(), data.size());
    if (faults != nullptr) {
      faults->write(env_, io, data);
    } else {
      env_.disk().write(file_, offset, data);
    }
  }
  io.done_bytes = data.size();
  const bool alive = env_.end(io, trace_hash(data));
  env_.end_write(file_, offset);
  if (!alive) {
    return {.os_error = EIO};
  }
  return {.bytes = data.size(), .os_error = io.os_error};
}

Result<void> SimFile::sync() {
  const Unwatched unwatched;
  IoEvent io = event(IoKind::kSync);
  if (env_.dead()) {
    return failure("sync the file", EIO);
  }
  // A sync covers what had completed when it was called (R4).
  const Sequence until = env_.disk().moment();
  if (distrusted_) {
    env_.violated("a sync through a handle whose sync has failed: it proves nothing");
  }
  if (!env_.begin(io)) {
    return failure("sync the file", EIO);
  }
  SimDisk& disk = env_.disk();
  if (env_.machine().faults != nullptr) {
    env_.machine().faults->sync(env_, io, until);
  } else {
    disk.sync(file_, until, env_.machine().decisions);
  }
  const uint64_t failed_syncs = disk.file(file_).failed_syncs();
  if (failed_syncs > sync_errors_seen_) {
    sync_errors_seen_ = failed_syncs;
    distrusted_ = true;
    distrusted_by_ = current_fiber();
    io.os_error = EIO;
  }
  if (!env_.end(io) || io.os_error != 0) {
    return failure("sync the file", EIO);
  }
  return {};
}

Result<uint64_t> SimFile::size() {
  const Unwatched unwatched;
  IoEvent io = event(IoKind::kSize);
  if (!env_.begin(io)) {
    return failure("find the size of the file", EIO);
  }
  io.done_bytes = env_.disk().file(file_).size();
  if (!env_.end(io)) {
    return failure("find the size of the file", EIO);
  }
  return io.done_bytes;
}

Result<void> SimFile::truncate(uint64_t bytes) {
  const Unwatched unwatched;
  IoEvent io = event(IoKind::kTruncate, bytes);
  io.os_error = refuse_change();
  if (io.os_error != 0 || !env_.begin(io)) {
    return failure("truncate the file", io.os_error != 0 ? io.os_error : EIO);
  }
  env_.disk().truncate(file_, bytes);
  if (!env_.end(io)) {
    return failure("truncate the file", EIO);
  }
  return {};
}

Result<void> SimFile::allocate(uint64_t offset, uint64_t bytes) {
  const Unwatched unwatched;
  IoEvent io = event(IoKind::kAllocate, offset, bytes);
  io.os_error = refuse_change();
  if (io.os_error != 0 || !env_.begin(io)) {
    return failure("reserve disk space", io.os_error != 0 ? io.os_error : EIO);
  }
  uint64_t granted = bytes;
  if (env_.machine().faults != nullptr) {
    const TransferFault fault = env_.machine().faults->on_allocate(env_, io);
    granted = fault.bytes;
    io.os_error = fault.os_error;
  }
  if (granted > 0) {
    env_.disk().allocate(file_, offset, granted);
  }
  const bool alive = env_.end(io);
  if (io.os_error != 0 || !alive) {
    return failure("reserve disk space", alive ? io.os_error : EIO);
  }
  return {};
}

}  // namespace holdfast::sim
