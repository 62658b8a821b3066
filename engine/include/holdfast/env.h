// Env: all contact of the engine with the world.
//
// The engine reads and writes files, looks at clocks, draws random bytes and starts threads only through these classes.
// `posix_env()` is the real world. A program may pass its own Env in Options, to test itself on a disk that it
// controls; the simulator does exactly that.
//
// Threads: every class here may be used from several threads at once, unless it says otherwise.
// Lifetime: an Env outlives every Database opened with it; a Directory outlives its Files and locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/result.h>

namespace holdfast {

// One open file. Reads and writes are positional; the file keeps no position of its own.
class File {
 public:
  virtual ~File() = default;

  // Fills `buffer` from `offset`; returns the bytes read, which are fewer than asked for only at the end of the file.
  // Short transfers and interruptions are retried here. Errors: io.
  Result<size_t> read_at(uint64_t offset, std::span<std::byte> buffer);

  // Writes all of `data` at `offset`, growing the file if it must. Not durable before sync(). On an error any part of
  // the range may have been written. Errors: io, no_space.
  Result<void> write_at(uint64_t offset, std::span<const std::byte> data);

  // After it returns, everything that was written, truncated or allocated before the call survives a power cut (the
  // file's name needs Directory::sync). After an error nothing is known about any write since the last good sync, and
  // calling again proves nothing. Errors: io, no_space.
  virtual Result<void> sync() = 0;

  virtual Result<uint64_t> size() = 0;
  // Cuts or extends (with zeros) to `bytes`. Errors: io, no_space.
  virtual Result<void> truncate(uint64_t bytes) = 0;
  // Reserves disk space for the range and grows the file to cover it; new bytes read as zeros. Errors: io, no_space.
  virtual Result<void> allocate(uint64_t offset, uint64_t bytes) = 0;
  // The file's name inside its directory, for messages.
  virtual const std::string& name() const = 0;

 protected:
  // One transfer as the operating system gives it: possibly short; zero bytes and no error is the end of the file
  // (read).
  struct Transfer {
    size_t bytes = 0;
    int os_error = 0;  // errno; EINTR included
  };
  virtual Transfer read_some(uint64_t offset, std::span<std::byte> buffer) = 0;
  virtual Transfer write_some(uint64_t offset, std::span<const std::byte> data) = 0;
};

// Held until destroyed, or until the process ends in any way.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class OpenMode : uint8_t {
  kReadOnly,   // must exist
  kReadWrite,  // must exist
  kCreate,     // read-write; created empty if it is not there
  kCreateNew,  // read-write; already_exists if it is there
};
enum class LockMode : uint8_t { kShared, kExclusive };

// One directory of plain files, without sub-directories.
class Directory {
 public:
  virtual ~Directory() = default;

  // `name` has 1 to 255 bytes and no slash (here and below: else invalid_argument). Creation is durable only after
  // sync(). Errors: not_found, already_exists, io, no_space.
  virtual Result<std::unique_ptr<File>> open_file(std::string_view name, OpenMode mode) = 0;
  // Names of all files, sorted bytewise.
  virtual Result<std::vector<std::string>> list() = 0;
  // Replaces `to` atomically if it is there. Durable only after sync().
  virtual Result<void> rename(std::string_view from, std::string_view to) = 0;
  // Errors: not_found, io. Durable only after sync().
  virtual Result<void> remove(std::string_view name) = 0;
  // After it returns, the names created, renamed and removed before the call survive a power cut. Errors: io.
  virtual Result<void> sync() = 0;
  // Takes an advisory lock on the file `name` (created if need be, unless shared and read-only), and leaves the owner's
  // process id in it. Does not wait. Errors: busy, whose message names the owner's pid; io.
  virtual Result<std::unique_ptr<FileLock>> lock(std::string_view name, LockMode mode) = 0;
  // The path as people know it.
  virtual const std::string& path() const = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  // Never goes back while the process lives; its zero means nothing.
  virtual uint64_t monotonic_ns() = 0;
  // Nanoseconds since 1970-01-01 UTC. May jump either way; nothing durable depends on it.
  virtual int64_t wall_ns() = 0;
  virtual void sleep_ns(uint64_t duration_ns) = 0;
};

class Random {
 public:
  virtual ~Random() = default;
  // Fills the buffer with bytes that nobody can guess (in the simulator: that the seed decides).
  virtual void fill(std::span<std::byte> buffer) = 0;
};

// A running thread. Must be joined before it is destroyed.
class Thread {
 public:
  virtual ~Thread() = default;
  virtual void join() = 0;
};

class Threads {
 public:
  virtual ~Threads() = default;
  // Runs `body` on a thread of its own. `name` (at most 15 bytes) is what debuggers show. Errors: io.
  virtual Result<std::unique_ptr<Thread>> start(std::string_view name, std::function<void()> body) = 0;
  // Cores that this process may use, at least 1.
  virtual uint32_t core_count() = 0;
  // Identifies the calling thread among those alive.
  virtual uint64_t current_id() = 0;
};

enum class DirectoryMode : uint8_t { kMustExist, kCreateIfMissing };

class Env {
 public:
  virtual ~Env() = default;
  // With kCreateIfMissing the directory (not its parents) is created, and its name made durable in its parent.
  // Errors: not_found, invalid_argument (part of the path is no directory), io, no_space.
  virtual Result<std::unique_ptr<Directory>> open_directory(std::string_view path, DirectoryMode mode) = 0;
  virtual Clock& clock() = 0;
  virtual Random& random() = 0;
  virtual Threads& threads() = 0;
};

// The operating system. Lives as long as the process.
Env& posix_env();

}  // namespace holdfast
