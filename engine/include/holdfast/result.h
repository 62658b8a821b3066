// Result and Error: how every call of Holdfast answers.
//
// A call that the world can make fail returns Result<T>. It holds either the value or an Error, and a Result that
// nobody looks at does not compile without a warning. Nothing here throws.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace holdfast {

// A code exists only if a caller acts differently because of it.
enum class ErrorCode : uint8_t {
  kIo,               // the operating system refused a read, write or sync; see os_error()
  kCorruption,       // bytes on disk are not what was written; see file() and offset()
  kNotFound,         // a named thing (database, bucket, file) is not there
  kAlreadyExists,    // a named thing is there already
  kNoSpace,          // the disk is full; nothing was changed; works again once there is space
  kConflict,         // another transaction committed first; run the transaction again
  kInvalidArgument,  // the argument breaks a limit, which the message names; nothing was changed
  kReadOnly,         // the database takes no writes: opened read-only, or a write failed earlier
  kBusy,             // another process, or another handle here, has the database open
  kOutcomeUnknown,   // the commit may or may not survive a crash; reopen to find out
  kUnsupported,      // written by a newer version, or not offered by this environment
};

// The code's stable name in lower case, as the command line prints it: "no_space".
std::string_view error_code_name(ErrorCode code);

// What went wrong, where, and what a person can do about it. Cheap to move; copying copies the text.
class Error {
 public:
  Error(ErrorCode code, std::string message);
  Error(const Error& other);
  Error& operator=(const Error& other);
  Error(Error&&) noexcept = default;
  Error& operator=(Error&&) noexcept = default;
  ~Error() = default;

  // Each returns *this, so that an error is built in one expression.
  Error&& at(std::string_view file) &&;
  Error&& at(std::string_view file, uint64_t offset_bytes) &&;
  Error&& os(int os_error) &&;

  ErrorCode code() const { return code_; }
  const std::string& message() const { return detail_->message; }
  // Name of the file inside the database directory; empty where no file is to blame.
  const std::string& file() const { return detail_->file; }
  // Byte position in file(), where one is known.
  std::optional<uint64_t> offset() const { return detail_->offset; }
  // errno of the failed call; 0 where no system call failed.
  int os_error() const { return detail_->os_error; }
  // One line for people: code, message, file, offset and the operating system's own words.
  std::string to_string() const;

 private:
  struct Detail {
    std::string message;
    std::string file;
    std::optional<uint64_t> offset;
    int os_error = 0;
  };
  ErrorCode code_;
  std::unique_ptr<Detail> detail_;
};

template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

// An error as a return value: `return fail(ErrorCode::kNotFound, "no bucket named ...");`
inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }
inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected<Error>(Error(code, std::move(message)));
}

}  // namespace holdfast

#define HOLDFAST_CONCAT_INNER(a, b) a##b
#define HOLDFAST_CONCAT(a, b) HOLDFAST_CONCAT_INNER(a, b)

// Returns the error of `expression` (a Result) from the enclosing function, if it holds one.
#define HOLDFAST_TRY(...)                                                            \
  do {                                                                               \
    if (auto holdfast_result = (__VA_ARGS__); !holdfast_result) {                    \
      return std::unexpected<::holdfast::Error>(std::move(holdfast_result).error()); \
    }                                                                                \
  } while (false)

// `HOLDFAST_TRY_ASSIGN(auto value, expression);` binds the value of `expression`, or returns its error.
#define HOLDFAST_TRY_ASSIGN(declaration, ...) \
  HOLDFAST_TRY_ASSIGN_INNER(HOLDFAST_CONCAT(holdfast_result_, __LINE__), declaration, __VA_ARGS__)
#define HOLDFAST_TRY_ASSIGN_INNER(result, declaration, ...)               \
  auto result = (__VA_ARGS__);                                            \
  if (!result) {                                                          \
    return std::unexpected<::holdfast::Error>(std::move(result).error()); \
  }                                                                       \
  declaration = std::move(*result)
