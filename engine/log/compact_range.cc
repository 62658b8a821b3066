#include "log/compact_range.h"

#include <algorithm>
#include <string>

#include "base/little_endian.h"

namespace holdfast::log {

Hash node_hash(const Hash& left, const Hash& right) {
  constexpr std::array kNodePrefix = {std::byte{1}};
  return sha256({kNodePrefix, left, right});
}

Hash empty_root() { return sha256({}); }

CompactRange::CompactRange(uint64_t size, std::span<const Hash> peaks) : size_(size) {
  CHECK(size <= kLeavesMax && peaks.size() == this->peaks().size());
  std::ranges::copy(peaks, peaks_.begin());
}

Hash CompactRange::root() const {
  const std::span<const Hash> all = peaks();
  if (all.empty()) {
    return empty_root();
  }
  Hash hash = all.back();
  for (size_t left = all.size() - 1; left-- > 0;) {
    hash = node_hash(all[left], hash);
  }
  return hash;
}

std::vector<std::byte> CompactRange::encode() const {
  std::vector<std::byte> bytes(sizeof size_);
  store_le(bytes.data(), size_);
  for (const Hash& peak : peaks()) {
    bytes.insert(bytes.end(), peak.begin(), peak.end());
  }
  return bytes;
}

Result<CompactRange> CompactRange::decode(std::span<const std::byte> bytes) {
  const auto damaged = [](const char* what) {
    return fail(ErrorCode::kCorruption, std::string("compact range: ") + what);
  };
  if (bytes.size() < sizeof size_) {
    return damaged("length");
  }
  CompactRange range;
  range.size_ = load_le<uint64_t>(bytes.data());
  if (range.size_ > kLeavesMax) {
    return damaged("size");
  }
  bytes = bytes.subspan(sizeof size_);
  if (bytes.size() != range.peaks().size() * sizeof(Hash)) {
    return damaged("length");
  }
  for (size_t index = 0; index < range.peaks().size(); ++index) {
    std::ranges::copy(bytes.subspan(index * sizeof(Hash), sizeof(Hash)), range.peaks_[index].begin());
  }
  return range;
}

bool operator==(const CompactRange& a, const CompactRange& b) {
  return a.size_ == b.size_ && std::ranges::equal(a.peaks(), b.peaks());
}

}  // namespace holdfast::log
