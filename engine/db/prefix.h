// The keys that start with a prefix, as a range.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

// The first key behind all that start with `prefix`; nullopt: there is none.
inline std::optional<std::string> prefix_end(std::string_view prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) {
    prefix.remove_suffix(1);
  }
  if (prefix.empty()) {
    return std::nullopt;
  }
  std::string end(prefix);
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace holdfast
