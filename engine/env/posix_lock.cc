// Locks by flock(2): it belongs to the open file, so that two handles in one process exclude each other too (fcntl
// locks do not), and the kernel drops it however the process ends.
//
// The lock file is never removed: a process that locks a file which another has just unlinked would hold nothing. An
// exclusive owner writes its process id into it; a shared one writes nothing, since it may not be allowed to.
#include "env/posix_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <string>

#include "env/os_error.h"
#include "env/posix_descriptor.h"

namespace holdfast {

namespace {

constexpr mode_t kLockFilePermissions = 0666;  // less the umask

class PosixLock final : public FileLock {
 public:
  PosixLock(Descriptor descriptor, LockMode mode)
      : descriptor_(std::move(descriptor)), mode_(mode), owner_(::getpid()) {}
  PosixLock(const PosixLock&) = delete;
  PosixLock& operator=(const PosixLock&) = delete;
  ~PosixLock() override {
    // A forked child shares the open file: closing its copy must leave the parent's lock alone, and the parent's lock
    // must end here although a child still has a copy.
    if (!descriptor_.is_open() || ::getpid() != owner_) {
      return;
    }
    if (mode_ == LockMode::kExclusive) {
      // So that nobody names this process later; if it cannot be done, a stale number is all that remains.
      static_cast<void>(!::ftruncate(descriptor_.fd(), 0));
    }
    ::flock(descriptor_.fd(), LOCK_UN);
  }

 private:
  Descriptor descriptor_;
  LockMode mode_;
  pid_t owner_;
};

Descriptor open_lock_file(int directory_fd, const std::string& path, LockMode mode) {
  const int common = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  const auto open = [&](int flags) {
    return Descriptor(
        retry_interrupted([&] { return ::openat(directory_fd, path.c_str(), flags | common, kLockFilePermissions); }));
  };
  if (mode == LockMode::kExclusive) {
    return open(O_RDWR | O_CREAT);
  }
  Descriptor existing = open(O_RDONLY);
  if (existing.is_open() || errno != ENOENT) {
    return existing;
  }
  return open(O_RDONLY | O_CREAT);
}

// The process that holds a lock on this file according to the kernel; 0 if it does not say (other containers' processes
// are not shown).
pid_t kernel_owner(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) {
    return 0;
  }
  std::FILE* locks = std::fopen("/proc/locks", "re");
  if (locks == nullptr) {
    return 0;
  }
  pid_t owner = 0;
  std::array<char, 256> line{};
  while (owner == 0 && std::fgets(line.data(), static_cast<int>(line.size()), locks) != nullptr) {
    int pid = 0;
    unsigned major = 0;
    unsigned minor = 0;
    uint64_t inode = 0;
    // "1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF"
    const int found =
        std::sscanf(line.data(), "%*d: FLOCK ADVISORY %*s %d %x:%x:%" SCNu64, &pid, &major, &minor, &inode);
    if (found == 4 && inode == status.st_ino && major == ::major(status.st_dev) && minor == ::minor(status.st_dev)) {
      owner = pid;
    }
  }
  std::fclose(locks);
  return owner;
}

// The number that the last exclusive owner left; 0 if there is none.
pid_t written_owner(int fd) {
  std::array<char, 32> text{};
  const ssize_t bytes = retry_interrupted([&] { return ::pread(fd, text.data(), text.size(), 0); });
  pid_t pid = 0;
  if (bytes <= 0 || std::from_chars(text.data(), text.data() + bytes, pid).ec != std::errc{} || pid < 0) {
    return 0;
  }
  return pid;
}

Error busy(int fd, std::string_view name) {
  pid_t owner = kernel_owner(fd);
  if (owner <= 0) {
    owner = written_owner(fd);
  }
  std::string message;
  if (owner == ::getpid()) {
    message = "this process has it open already";
  } else if (owner > 0) {
    message = "process " + std::to_string(owner) + " has it open";
  } else {
    message = "another process has it open";
  }
  return Error(ErrorCode::kBusy, std::move(message)).at(name);
}

// The lock is held whether or not this succeeds: a full disk must not keep anybody from opening a database and deleting
// from it.
void write_owner(int fd) {
  const std::string text = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) == 0) {
    static_cast<void>(!retry_interrupted([&] { return ::pwrite(fd, text.data(), text.size(), 0); }));
  }
}

}  // namespace

Result<std::unique_ptr<FileLock>> lock_posix_file(int directory_fd, std::string_view name, LockMode mode) {
  HOLDFAST_TRY(check_file_name(name));
  const std::string path(name);
  Descriptor descriptor = open_lock_file(directory_fd, path, mode);
  if (!descriptor.is_open()) {
    const int os_error = errno;
    if (mode == LockMode::kShared && (os_error == EROFS || os_error == EACCES)) {
      // There is no lock file, and none can be made here. Whoever may write makes it before anything else, so nobody
      // writes now: this is a read-only copy, which needs no lock.
      struct stat status{};
      if (::fstatat(directory_fd, path.c_str(), &status, 0) != 0 && errno == ENOENT) {
        return std::make_unique<PosixLock>(Descriptor(), mode);
      }
    }
    return fail(os_failure("open the lock file", name, os_error));
  }
  const int operation = (mode == LockMode::kExclusive ? LOCK_EX : LOCK_SH) | LOCK_NB;
  if (retry_interrupted([&] { return ::flock(descriptor.fd(), operation); }) != 0) {
    if (errno == EWOULDBLOCK) {
      return fail(busy(descriptor.fd(), name));
    }
    return fail(os_failure("lock the file", name, errno));
  }
  if (mode == LockMode::kExclusive) {
    write_owner(descriptor.fd());
  }
  return std::make_unique<PosixLock>(std::move(descriptor), mode);
}

}  // namespace holdfast
