// File::read_at and write_at: the one place where short transfers and interruptions are retried.
#include <cerrno>

#include <holdfast/env.h>

namespace holdfast {

namespace {

Error transfer_error(const File& file, const char* what, uint64_t offset, int os_error) {
  const bool full = os_error == ENOSPC || os_error == EDQUOT;
  return Error(full ? ErrorCode::kNoSpace : ErrorCode::kIo, what).at(file.name(), offset).os(os_error);
}

}  // namespace

Result<size_t> File::read_at(uint64_t offset, std::span<std::byte> buffer) {
  size_t done = 0;
  while (done < buffer.size()) {
    const Transfer transfer = read_some(offset + done, buffer.subspan(done));
    done += transfer.bytes;
    if (transfer.os_error == EINTR) {
      continue;
    }
    if (transfer.os_error != 0) {
      return fail(transfer_error(*this, "cannot read", offset + done, transfer.os_error));
    }
    if (transfer.bytes == 0) {
      break;
    }
  }
  return done;
}

Result<void> File::write_at(uint64_t offset, std::span<const std::byte> data) {
  size_t done = 0;
  while (done < data.size()) {
    const Transfer transfer = write_some(offset + done, data.subspan(done));
    done += transfer.bytes;
    if (transfer.os_error == EINTR) {
      continue;
    }
    if (transfer.os_error != 0) {
      return fail(transfer_error(*this, "cannot write", offset + done, transfer.os_error));
    }
    if (transfer.bytes == 0) {
      return fail(transfer_error(*this, "cannot write: nothing was taken", offset + done, EIO));
    }
  }
  return {};
}

}  // namespace holdfast
