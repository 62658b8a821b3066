#include "sim/sim_env.h"

#include <algorithm>
#include <cerrno>

#include "env/os_error.h"
#include "sim/race_detector.h"
#include "sim/sim_directory_handle.h"

namespace holdfast::sim {

// One event kind per kind of operation, in the same order.
static_assert(static_cast<int>(IoKind::kRead) == static_cast<int>(EventKind::kRead));
static_assert(static_cast<int>(IoKind::kRename) == static_cast<int>(EventKind::kRename));
static_assert(static_cast<int>(IoKind::kOpenDirectory) == static_cast<int>(EventKind::kOpenDirectory));

bool SimEnv::begin(const IoEvent& event) {
  if (!dead_) {
    machine_.hooks.before_io(event);
  }
  return !dead_;
}

bool SimEnv::end(const IoEvent& event, uint64_t data_hash) {
  if (dead_) {
    return false;
  }
  Trace& trace = machine_.trace;
  if (trace.has_output() && event.file != 0) {
    trace.name_file(event.file, event.name);
  }
  const uint64_t detail = event.os_error != 0 ? mix(static_cast<uint64_t>(event.os_error), data_hash) : data_hash;
  trace.event(static_cast<EventKind>(event.kind), event.file, event.offset, event.done_bytes, detail);
  machine_.hooks.after_io(event);
  return !dead_;
}

void SimEnv::begin_write(uint32_t file, uint64_t offset, uint64_t bytes) {
  for (const Range& other : writes_in_flight_) {
    if (other.file == file && offset < other.end && other.begin < offset + bytes) {
      violated("two writes to the same bytes at the same time");
    }
  }
  writes_in_flight_.push_back({file, offset, offset + bytes});
}

void SimEnv::end_write(uint32_t file, uint64_t offset) {
  const auto found = std::find_if(writes_in_flight_.begin(), writes_in_flight_.end(),
                                  [&](const Range& range) { return range.file == file && range.begin == offset; });
  if (found != writes_in_flight_.end()) {
    writes_in_flight_.erase(found);
  }
}

Result<std::unique_ptr<Directory>> SimEnv::open_directory(std::string_view path, DirectoryMode mode) {
  const Unwatched unwatched;
  IoEvent event{.kind = IoKind::kOpenDirectory, .name = path};
  if (!begin(event)) {
    return fail(os_failure("open the directory", path, EIO));
  }
  std::optional<uint32_t> directory = disk().find_directory(path);
  if (!directory && mode == DirectoryMode::kCreateIfMissing) {
    directory = disk().make_directory(path);
  }
  event.os_error = directory ? 0 : ENOENT;
  if (!end(event)) {
    event.os_error = EIO;
  }
  if (event.os_error != 0) {
    return fail(os_failure("open the directory", path, event.os_error));
  }
  return std::make_unique<SimDirectoryHandle>(*this, *directory, path);
}

}  // namespace holdfast::sim
