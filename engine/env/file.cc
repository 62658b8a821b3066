// File::read_at and write_at: the one place where short transfers and interruptions are retried.
#include <cerrno>

#include <holdfast/env.h>

#include "env/os_error.h"

namespace holdfast {

namespace {

Error transfer_error(const File& file, std::string_view what, uint64_t offset, int os_error) {
  return os_failure(what, file.name(), os_error).at(file.name(), offset);
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
      return fail(transfer_error(*this, "read", offset + done, transfer.os_error));
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
      return fail(transfer_error(*this, "write", offset + done, transfer.os_error));
    }
    if (transfer.bytes == 0) {
      return fail(transfer_error(*this, "write: nothing was taken", offset + done, EIO));
    }
  }
  return {};
}

}  // namespace holdfast
