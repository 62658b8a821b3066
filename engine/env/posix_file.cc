#include "env/posix_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <limits>

#include "env/os_error.h"

namespace holdfast {

namespace {

// One system call takes less than 2 GiB (0x7ffff000 bytes); a round number below it keeps pieces aligned.
constexpr size_t kTransferBytesMax = size_t{1} << 30;
constexpr uint64_t kFileOffsetMax = static_cast<uint64_t>(std::numeric_limits<off_t>::max());
constexpr mode_t kFilePermissions = 0666;  // less the umask

int open_flags(OpenMode mode) {
  switch (mode) {
    case OpenMode::kReadOnly: return O_RDONLY;
    case OpenMode::kReadWrite: return O_RDWR;
    case OpenMode::kCreate: return O_RDWR | O_CREAT;
    case OpenMode::kCreateNew: return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

class PosixFile final : public File {
 public:
  PosixFile(Descriptor descriptor, std::string_view name) : descriptor_(std::move(descriptor)), name_(name) {}

  Result<void> sync() override {
    if (const int os_error = sync_descriptor(descriptor_.fd(), ::fdatasync); os_error != 0) {
      return failure("sync the file", os_error);
    }
    return {};
  }

  Result<uint64_t> size() override {
    struct stat status{};
    if (::fstat(descriptor_.fd(), &status) != 0) {
      return failure("read the size of the file", errno);
    }
    return static_cast<uint64_t>(status.st_size);
  }

  Result<void> truncate(uint64_t bytes) override {
    if (bytes > kFileOffsetMax) {
      return failure("truncate the file", EFBIG);
    }
    if (retry_interrupted([&] { return ::ftruncate(descriptor_.fd(), static_cast<off_t>(bytes)); }) != 0) {
      return failure("truncate the file", errno);
    }
    return {};
  }

  Result<void> allocate(uint64_t offset, uint64_t bytes) override {
    if (bytes == 0) {
      return {};
    }
    if (bytes > kFileOffsetMax || offset > kFileOffsetMax - bytes) {
      return failure("reserve disk space", EFBIG);
    }
    const int result = retry_interrupted(
        [&] { return ::fallocate(descriptor_.fd(), 0, static_cast<off_t>(offset), static_cast<off_t>(bytes)); });
    if (result == 0) {
      return {};
    }
    if (errno == EOPNOTSUPP || errno == ENOSYS) {
      return append_zeros(*this, offset + bytes);
    }
    return failure("reserve disk space", errno);
  }

  const std::string& name() const override { return name_; }

 protected:
  Transfer read_some(uint64_t offset, std::span<std::byte> buffer) override {
    if (offset > kFileOffsetMax) {
      return {};  // no file reaches there
    }
    const size_t bytes = std::min(buffer.size(), kTransferBytesMax);
    return transfer(::pread(descriptor_.fd(), buffer.data(), bytes, static_cast<off_t>(offset)));
  }

  Transfer write_some(uint64_t offset, std::span<const std::byte> data) override {
    if (offset > kFileOffsetMax) {
      return {.os_error = EFBIG};
    }
    const size_t bytes = std::min(data.size(), kTransferBytesMax);
    return transfer(::pwrite(descriptor_.fd(), data.data(), bytes, static_cast<off_t>(offset)));
  }

 private:
  static Transfer transfer(ssize_t result) {
    if (result < 0) {
      return {.os_error = errno};
    }
    return {.bytes = static_cast<size_t>(result)};
  }

  std::unexpected<Error> failure(std::string_view what, int os_error) const {
    return fail(os_failure(what, name_, os_error));
  }

  Descriptor descriptor_;
  std::string name_;
};

}  // namespace

Result<std::unique_ptr<File>> open_posix_file(int directory_fd, std::string_view name, OpenMode mode) {
  HOLDFAST_TRY(check_file_name(name));
  // O_NONBLOCK means nothing to a plain file, and keeps a FIFO of that name from stopping us for ever.
  const int flags = open_flags(mode) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  const std::string path(name);
  Descriptor descriptor(
      retry_interrupted([&] { return ::openat(directory_fd, path.c_str(), flags, kFilePermissions); }));
  if (!descriptor.is_open()) {
    const bool creates = mode == OpenMode::kCreate || mode == OpenMode::kCreateNew;
    return fail(os_failure(creates ? "open or create the file" : "open the file", name, errno));
  }
  struct stat status{};
  if (::fstat(descriptor.fd(), &status) != 0) {
    return fail(os_failure("look at the file", name, errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(Error(ErrorCode::kIo, "it is not a plain file").at(name));
  }
  return std::make_unique<PosixFile>(std::move(descriptor), name);
}

Result<void> append_zeros(File& file, uint64_t end) {
  static constexpr std::array<std::byte, 65536> kZeros{};
  HOLDFAST_TRY_ASSIGN(uint64_t at, file.size());
  while (at < end) {
    const size_t piece = static_cast<size_t>(std::min<uint64_t>(kZeros.size(), end - at));
    HOLDFAST_TRY(file.write_at(at, std::span(kZeros).first(piece)));
    at += piece;
  }
  return {};
}

int sync_descriptor(int fd, int (*sync_call)(int)) { return sync_call(fd) == 0 ? 0 : errno; }

}  // namespace holdfast
