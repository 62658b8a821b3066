// A directory, held by a descriptor: every name is looked up relative to it, so that renaming or replacing the path
// while a database is open cannot mix two databases.
#include "env/posix_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "env/os_error.h"
#include "env/posix_descriptor.h"
#include "env/posix_file.h"
#include "env/posix_lock.h"

namespace holdfast {

namespace {

constexpr mode_t kDirectoryPermissions = 0777;  // less the umask
constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

class PosixDirectory final : public Directory {
 public:
  PosixDirectory(Descriptor descriptor, std::string_view path) : descriptor_(std::move(descriptor)), path_(path) {}

  Result<std::unique_ptr<File>> open_file(std::string_view name, OpenMode mode) override {
    return open_posix_file(descriptor_.fd(), name, mode);
  }

  Result<std::vector<std::string>> list() override {
    // A descriptor of its own, because reading moves the position.
    Descriptor descriptor(retry_interrupted([&] { return ::openat(descriptor_.fd(), ".", kDirectoryFlags); }));
    if (!descriptor.is_open()) {
      return failure("list the directory", path_, errno);
    }
    DIR* stream = ::fdopendir(descriptor.fd());
    if (stream == nullptr) {
      return failure("list the directory", path_, errno);
    }
    static_cast<void>(descriptor.release());  // the stream closes it
    std::vector<std::string> names;
    errno = 0;
    // One thread per stream is all that readdir asks for.
    while (const dirent* entry = ::readdir(stream)) {  // NOLINT(concurrency-mt-unsafe)
      const std::string_view name(entry->d_name);
      if (name != "." && name != "..") {
        names.emplace_back(name);
      }
      errno = 0;
    }
    const int os_error = errno;
    ::closedir(stream);
    if (os_error != 0) {
      return failure("list the directory", path_, os_error);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<void> rename(std::string_view from, std::string_view to) override {
    HOLDFAST_TRY(check_file_name(from));
    HOLDFAST_TRY(check_file_name(to));
    const std::string source(from);
    const std::string target(to);
    if (::renameat(descriptor_.fd(), source.c_str(), descriptor_.fd(), target.c_str()) != 0) {
      return failure("rename the file", from, errno);
    }
    return {};
  }

  Result<void> remove(std::string_view name) override {
    HOLDFAST_TRY(check_file_name(name));
    const std::string path(name);
    if (::unlinkat(descriptor_.fd(), path.c_str(), 0) != 0) {
      return failure("remove the file", name, errno);
    }
    return {};
  }

  Result<void> sync() override {
    if (const int os_error = sync_descriptor(descriptor_.fd(), ::fsync); os_error != 0) {
      return failure("sync the directory", path_, os_error);
    }
    return {};
  }

  Result<std::unique_ptr<FileLock>> lock(std::string_view name, LockMode mode) override {
    return lock_posix_file(descriptor_.fd(), name, mode);
  }

  const std::string& path() const override { return path_; }

 private:
  static std::unexpected<Error> failure(std::string_view what, std::string_view file, int os_error) {
    return fail(os_failure(what, file, os_error));
  }

  Descriptor descriptor_;
  std::string path_;
};

enum class Made : uint8_t { kNow, kBefore };

// Makes the directory's name durable in its parent. When it was there before, this still matters: whoever made it may
// have died before syncing. But then a parent that we may not read is no reason to refuse.
Result<void> sync_parent(const Descriptor& descriptor, std::string_view path, Made made) {
  const Descriptor parent(retry_interrupted([&] { return ::openat(descriptor.fd(), "..", kDirectoryFlags); }));
  if (!parent.is_open()) {
    if (made == Made::kBefore && errno == EACCES) {
      return {};
    }
    return fail(os_failure("open the parent directory", path, errno));
  }
  if (const int os_error = sync_descriptor(parent.fd(), ::fsync); os_error != 0) {
    return fail(os_failure("sync the parent directory", path, os_error));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Directory>> open_posix_directory(std::string_view path, DirectoryMode mode) {
  const std::string text(path);
  Made made = Made::kBefore;
  if (mode == DirectoryMode::kCreateIfMissing) {
    if (::mkdir(text.c_str(), kDirectoryPermissions) == 0) {
      made = Made::kNow;
    } else if (errno != EEXIST && errno != EROFS && errno != EACCES) {
      // On a read-only file system, or without permission, the directory may still be there: opening it will tell.
      return fail(os_failure("create the directory", path, errno));
    }
  }
  const int refusal = errno;
  Descriptor descriptor(retry_interrupted([&] { return ::open(text.c_str(), kDirectoryFlags); }));
  if (!descriptor.is_open()) {
    const bool refused = errno == ENOENT && made == Made::kBefore && mode == DirectoryMode::kCreateIfMissing;
    return fail(os_failure(refused ? "create the directory" : "open the directory", path, refused ? refusal : errno));
  }
  if (mode == DirectoryMode::kCreateIfMissing) {
    HOLDFAST_TRY(sync_parent(descriptor, path, made));
  }
  return std::make_unique<PosixDirectory>(std::move(descriptor), path);
}

}  // namespace holdfast
