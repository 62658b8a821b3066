// An advisory lock on a file, seen by every process of the machine.
#pragma once

#include <memory>
#include <string_view>

#include <holdfast/env.h>

namespace holdfast {

Result<std::unique_ptr<FileLock>> lock_posix_file(int directory_fd, std::string_view name, LockMode mode);

}  // namespace holdfast
