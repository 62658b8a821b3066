#include "cli/input.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "cli/terminal.h"

namespace holdfast::cli {
namespace {

constexpr size_t kReadBytes = 256 * 1024;

}  // namespace

Input::Input(int descriptor, std::string name, uint64_t bytes_total)
    : descriptor_(descriptor), name_(std::move(name)), bytes_total_(bytes_total) {}

Input::Input(Input&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      name_(std::move(other.name_)),
      buffer_(std::move(other.buffer_)),
      consumed_(other.consumed_),
      at_end_(other.at_end_),
      line_number_(other.line_number_),
      bytes_read_(other.bytes_read_),
      bytes_total_(other.bytes_total_) {}

Input::~Input() {
  if (descriptor_ > STDIN_FILENO) close(descriptor_);
}

Result<Input> Input::open(const std::string& path) {
  const bool standard = path == "-";
  const int descriptor = standard ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    const ErrorCode code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
    return fail(Error(code, fmt::format("cannot open the input \"{}\"", path)).os(errno));
  }
  struct stat status = {};
  const bool sized = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  return Input(descriptor, standard ? "standard input" : path, sized ? static_cast<uint64_t>(status.st_size) : 0);
}

Result<bool> Input::fill() {
  if (at_end_) return false;
  buffer_.erase(0, std::exchange(consumed_, 0));
  // Waiting for both means that an interruption between two calls cannot be missed.
  pollfd waited[2] = {{descriptor_, POLLIN, 0}, {interrupt_descriptor(), POLLIN, 0}};
  while (!interrupted() && poll(waited, 2, -1) < 0 && errno == EINTR) {
  }
  if (interrupted()) return false;
  const size_t before = buffer_.size();
  buffer_.resize(before + kReadBytes);
  ssize_t taken = -1;
  do {
    taken = read(descriptor_, buffer_.data() + before, kReadBytes);
  } while (taken < 0 && errno == EINTR);
  if (taken < 0) {
    const int os_error = errno;
    buffer_.resize(before);
    return fail(Error(ErrorCode::kIo, fmt::format("cannot read {}", name_)).os(os_error));
  }
  buffer_.resize(before + static_cast<size_t>(taken));
  bytes_read_ += static_cast<uint64_t>(taken);
  at_end_ = taken == 0;
  return !at_end_;
}

bool Input::would_wait() const {
  if (at_end_ || buffer_.find('\n', consumed_) != std::string::npos) {
    return false;
  }
  pollfd waited{descriptor_, POLLIN, 0};
  return poll(&waited, 1, 0) == 0;
}

Result<bool> Input::next_line(std::string_view& line) {
  size_t searched = 0;  // bytes of the unfinished line that hold no line feed
  for (;;) {
    const size_t end = buffer_.find('\n', consumed_ + searched);
    if (end != std::string::npos) {
      line = std::string_view(buffer_).substr(consumed_, end - consumed_);
      consumed_ = end + 1;
      line_number_ += 1;
      return true;
    }
    searched = buffer_.size() - consumed_;
    if (searched > kLineBytesMax) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} line {} is longer than any row can be", name_, line_number_ + 1));
    }
    HOLDFAST_TRY_ASSIGN(const bool more, fill());
    if (more) continue;
    if (searched == 0 || !at_end_) return false;
    line = std::string_view(buffer_).substr(consumed_);
    consumed_ = buffer_.size();
    line_number_ += 1;
    return true;
  }
}

Result<std::string> Input::read_all(uint64_t bytes_max) {
  for (;;) {
    HOLDFAST_TRY_ASSIGN(const bool more, fill());
    if (buffer_.size() > bytes_max) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{} has more than {} bytes", name_, bytes_max));
    }
    if (!more) return std::move(buffer_);
  }
}

std::string Input::place() const { return fmt::format("{} line {}", name_, line_number_); }

}  // namespace holdfast::cli
