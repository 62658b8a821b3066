// Le<T>: an unsigned integer as it lies on disk, little-endian, with alignment 1.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <type_traits>

namespace holdfast {

template <std::unsigned_integral T>
constexpr T from_little(T value) {
  if constexpr (std::endian::native == std::endian::big && sizeof(T) > 1) {
    return std::byteswap(value);
  }
  return value;
}

template <std::unsigned_integral T>
T load_le(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return from_little(value);
}

template <std::unsigned_integral T>
void store_le(std::byte* at, T value) {
  value = from_little(value);
  std::memcpy(at, &value, sizeof value);
}

template <std::unsigned_integral T>
class Le {
 public:
  Le() = default;
  Le(T value) { *this = value; }  // NOLINT(google-explicit-constructor): reads like the integer that it is
  Le& operator=(T value) {
    store_le<T>(bytes_.data(), value);
    return *this;
  }
  operator T() const { return load_le<T>(bytes_.data()); }  // NOLINT(google-explicit-constructor)

 private:
  std::array<std::byte, sizeof(T)> bytes_{};
};

// What a struct must be to be copied to and from disk as it is.
template <class T>
constexpr bool is_on_disk_struct = std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> &&
                                   std::has_unique_object_representations_v<T> && alignof(T) == 1;

}  // namespace holdfast
