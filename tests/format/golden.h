// Golden files: an annotated dump of a structure, one line per field: offset, bytes, name.
//
// A change of a golden file is a change of the format. HOLDFAST_UPDATE_GOLDEN=1 in the environment rewrites them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <string_view>

namespace holdfast::format {

// Fields must be named in order, without gaps, up to the last byte.
class GoldenDump {
 public:
  explicit GoldenDump(std::span<const std::byte> bytes) : bytes_(bytes) {}

  GoldenDump& field(std::string_view name, size_t field_bytes) {
    constexpr size_t kBytesPerLine = 16;
    for (size_t done = 0; done < field_bytes; done += kBytesPerLine) {
      const size_t piece = std::min(kBytesPerLine, field_bytes - done);
      line(bytes_.subspan(at_ + done, piece), at_ + done, done == 0 ? name : "...");
    }
    at_ += field_bytes;
    return *this;
  }

  // Bytes that are zero, in one line.
  GoldenDump& zeros(std::string_view name, size_t field_bytes) {
    for (const std::byte byte : bytes_.subspan(at_, field_bytes)) {
      EXPECT_EQ(byte, std::byte{0}) << name;
    }
    std::ostringstream out;
    out << "00 x " << field_bytes;
    text_ += padded(at_, out.str(), name);
    at_ += field_bytes;
    return *this;
  }

  size_t offset() const { return at_; }

  void compare_with(const std::string& file) const {
    EXPECT_EQ(at_, bytes_.size()) << "not every byte has a name";
    const std::string path = std::string(HOLDFAST_TESTS_DIR) + "/format/" + file;
    if (std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr) {
      std::ofstream(path) << text_;
    }
    std::stringstream golden;
    golden << std::ifstream(path).rdbuf();
    EXPECT_EQ(text_, golden.str()) << "differs from " << path;
  }

 private:
  static std::string padded(size_t offset, const std::string& bytes, std::string_view name) {
    std::array<char, 128> buffer;
    const int length = std::snprintf(buffer.data(), buffer.size(), "%6zu  %-47s  %.*s\n", offset, bytes.c_str(),
                                     static_cast<int>(name.size()), name.data());
    return std::string(buffer.data(), static_cast<size_t>(length));
  }
  void line(std::span<const std::byte> piece, size_t offset, std::string_view name) {
    std::string hex;
    for (const std::byte byte : piece) {
      std::array<char, 4> buffer;
      std::snprintf(buffer.data(), buffer.size(), hex.empty() ? "%02x" : " %02x", static_cast<unsigned>(byte));
      hex += buffer.data();
    }
    text_ += padded(offset, hex, name);
  }

  std::span<const std::byte> bytes_;
  size_t at_ = 0;
  std::string text_;
};

}  // namespace holdfast::format
