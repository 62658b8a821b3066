// How the operating system's error numbers become Errors; shared by every environment.
#pragma once

#include <string>
#include <string_view>

#include <holdfast/result.h>

namespace holdfast {

// The code on which a caller may act: no_space for a full disk or quota, not_found, already_exists, invalid_argument
// for names and paths that cannot be, io for everything else.
ErrorCode os_error_code(int os_error);

// "cannot <what>", with the file it was tried on, and a hint where one helps. `file` may be empty.
Error os_failure(std::string_view what, std::string_view file, int os_error);

// Whether `name` can name a file inside a directory: not empty, no slash or NUL, neither "." nor "..", at most 255
// bytes. The error is invalid_argument.
Result<void> check_file_name(std::string_view name);

}  // namespace holdfast
