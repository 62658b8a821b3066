#include "env/os_error.h"

#include <cerrno>

namespace holdfast {

namespace {

constexpr size_t kFileNameBytesMax = 255;

std::string_view hint(int os_error) {
  switch (os_error) {
    case EACCES:
    case EPERM: return " (check the owner and the permissions)";
    case EROFS: return " (the file system is mounted read-only)";
    case ENOTDIR: return " (a part of the path is not a directory)";
    case EMFILE:
    case ENFILE: return " (raise the limit of open files)";
    default: return "";
  }
}

}  // namespace

ErrorCode os_error_code(int os_error) {
  switch (os_error) {
    case ENOSPC:
    case EDQUOT: return ErrorCode::kNoSpace;
    case ENOENT: return ErrorCode::kNotFound;
    case EEXIST: return ErrorCode::kAlreadyExists;
    case ENOTDIR:
    case ENAMETOOLONG: return ErrorCode::kInvalidArgument;
    default: return ErrorCode::kIo;
  }
}

Error os_failure(std::string_view what, std::string_view file, int os_error) {
  std::string message = "cannot ";
  message += what;
  message += hint(os_error);
  return Error(os_error_code(os_error), std::move(message)).at(file).os(os_error);
}

Result<void> check_file_name(std::string_view name) {
  if (name.empty() || name.size() > kFileNameBytesMax || name == "." || name == ".." ||
      name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos) {
    return fail(Error(ErrorCode::kInvalidArgument,
                      "a file name must be 1 to 255 bytes, without a slash, and neither \".\" nor \"..\"")
                    .at(name));
  }
  return {};
}

}  // namespace holdfast
