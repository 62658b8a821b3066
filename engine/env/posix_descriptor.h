// Owns one file descriptor.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace holdfast {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  // close() reports only what sync() already has, or what was never asked to be durable; and on Linux the descriptor is
  // gone even after EINTR, so trying again could close somebody else's.
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }

  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  // Gives the descriptor away; the caller closes it.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// Repeats a system call that returns -1 and EINTR. Only for calls that may simply be made again; fsync is not one.
template <class Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) {
    result = call();
  }
  return result;
}

}  // namespace holdfast
