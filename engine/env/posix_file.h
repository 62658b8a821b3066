// A file of the operating system.
#pragma once

#include <memory>
#include <string>

#include <holdfast/env.h>

#include "env/posix_descriptor.h"

namespace holdfast {

// Opens the file `name` in the directory behind `directory_fd`. Anything but a plain file is refused.
Result<std::unique_ptr<File>> open_posix_file(int directory_fd, std::string_view name, OpenMode mode);

// Makes durable what `fd`, a file or a directory, refers to. Returns 0 or errno.
//
// EINTR is passed on as a failure. It happens on network and FUSE file systems only, and calling again would be wrong:
// the kernel hands each write-back error to a descriptor once, and a call that is interrupted may have taken that error
// with it, so that the second call answers "all is well" about data that is lost.
int sync_descriptor(int fd, int (*sync_call)(int));

// Grows the file to `end` by writing zeros, for file systems without fallocate: what is really written is really there.
// Holes inside the file stay holes, since filling them could overwrite what another thread writes.
Result<void> append_zeros(File& file, uint64_t end);

}  // namespace holdfast
