// Bytes as text and text as bytes; nothing is copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace holdfast {

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::string_view as_text(const std::byte* at, size_t bytes) {
  return {reinterpret_cast<const char*>(at), bytes};
}

// Length of the longest common prefix, in bytes.
size_t common_prefix_bytes(std::string_view a, std::string_view b);

// Shortest separator s with a < s <= b. Pre: a < b.
std::string_view shortest_separator(std::string_view a, std::string_view b);

}  // namespace holdfast
