// A directory of the operating system.
#pragma once

#include <memory>
#include <string_view>

#include <holdfast/env.h>

namespace holdfast {

Result<std::unique_ptr<Directory>> open_posix_directory(std::string_view path, DirectoryMode mode);

}  // namespace holdfast
