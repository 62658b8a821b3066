#include "log/segment_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <span>
#include <vector>

namespace holdfast::log {

namespace {

constexpr std::string_view kPrefix = "stream-";
constexpr int kHex = 16;

std::string hex(uint64_t value) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, kHex);
  return {digits.data(), end.ptr};
}

// Takes a number off the front, written as hex() writes it.
template <std::unsigned_integral T>
bool take(std::string_view& text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, kHex);
  const auto digits = static_cast<size_t>(end - text.data());
  if (error != std::errc() || hex(value) != text.substr(0, digits)) {
    return false;
  }
  text.remove_prefix(digits);
  return true;
}

bool take_dash(std::string_view& text) {
  if (!text.starts_with('-')) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string segment_file_name(const SegmentName& name) {
  return std::string(kPrefix) + hex(name.stream_id) + "-" + hex(name.file) + "-" + hex(name.revision);
}

std::optional<SegmentName> parse_segment_file_name(std::string_view text) {
  if (!text.starts_with(kPrefix)) {
    return std::nullopt;
  }
  text.remove_prefix(kPrefix.size());
  SegmentName name;
  if (!take(text, name.stream_id) || !take_dash(text) || !take(text, name.file) || !take_dash(text) ||
      !take(text, name.revision) || !text.empty()) {
    return std::nullopt;
  }
  return name;
}

Result<format::StreamFooter> read_footer(File& file, uint64_t first_offset, const format::SegmentRow& row,
                                         uint32_t checksum_seed) {
  HOLDFAST_TRY_ASSIGN(const uint64_t file_bytes, file.size());
  const uint64_t bytes_there = file_bytes - std::min(file_bytes, row.records_end);
  std::vector<std::byte> bytes(std::min(bytes_there, format::stream_footer_bytes(first_offset, row.next_offset)));
  HOLDFAST_TRY_ASSIGN(const size_t size, file.read_at(row.records_end, bytes));
  HOLDFAST_TRY_ASSIGN(format::StreamFooter footer,
                      format::decode_stream_footer(std::span(bytes).first(size), checksum_seed));
  if (footer.first_offset != first_offset || footer.next_offset != row.next_offset ||
      footer.records_end != row.records_end) {
    return fail(ErrorCode::kCorruption, "the footer is of another segment");
  }
  return footer;
}

}  // namespace holdfast::log
