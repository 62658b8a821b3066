#include "format/redo.h"

#include <array>

#include "base/bytes.h"
#include "base/check.h"
#include "format/varint.h"

namespace holdfast::format {

namespace {

constexpr uint8_t kDroppedBit = 1;
constexpr uint8_t kCreatedBit = 2;
constexpr uint8_t kImpliedBit = 4;
constexpr uint8_t kSealsBit = 1;

}  // namespace

void RedoWriter::count(uint32_t count) {
  std::array<std::byte, kVarintBytesMax> bytes;
  std::byte* const end = write_varint(bytes.data(), count);
  out_.insert(out_.end(), bytes.data(), end);
}

void RedoWriter::string(std::string_view text) {
  CHECK(text.size() <= INT32_MAX);
  count(static_cast<uint32_t>(text.size()));
  const auto bytes = as_bytes(text);
  out_.insert(out_.end(), bytes.begin(), bytes.end());
}

void RedoWriter::optional_string(std::optional<std::string_view> text) {
  CHECK(!text || text->size() <= INT32_MAX);
  count(text ? static_cast<uint32_t>(text->size()) + 1 : 0);
  if (text) {
    const auto bytes = as_bytes(*text);
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
}

void RedoWriter::bucket(const RedoBucket& bucket) {
  string(bucket.name);
  const int flags =
      (bucket.dropped ? kDroppedBit : 0) | (bucket.created ? kCreatedBit : 0) | (bucket.implied ? kImpliedBit : 0);
  out_.push_back(static_cast<std::byte>(flags));
}

void RedoWriter::range(std::string_view lo, std::optional<std::string_view> hi) {
  string(lo);
  optional_string(hi);
}

void RedoWriter::point(std::string_view key, std::optional<std::string_view> value) {
  string(key);
  optional_string(value);
}

void RedoWriter::stream(const RedoStream& stream) {
  string(stream.name);
  out_.push_back(static_cast<std::byte>(stream.seals ? kSealsBit : 0));
  count(stream.segment_bytes);
}

void RedoWriter::event(StoredAs stored_as, std::span<const std::byte> stored) {
  out_.push_back(static_cast<std::byte>(stored_as));
  string(as_text(stored));
}

bool RedoReader::take(uint32_t bytes, std::string_view& text) {
  if (bytes > static_cast<uint64_t>(end_ - at_)) {
    return false;
  }
  text = as_text(at_, bytes);
  at_ += bytes;
  return true;
}

bool RedoReader::count(uint32_t& count) {
  const std::byte* const next = read_varint_bounded(at_, end_, count);
  if (next == nullptr) {
    return false;
  }
  at_ = next;
  return true;
}

bool RedoReader::string(std::string_view& text) {
  uint32_t bytes = 0;
  return count(bytes) && take(bytes, text);
}

bool RedoReader::optional_string(std::optional<std::string_view>& text) {
  uint32_t bytes = 0;
  if (!count(bytes)) {
    return false;
  }
  text.reset();
  return bytes == 0 || take(bytes - 1, text.emplace());
}

bool RedoReader::bucket(RedoBucket& bucket) {
  std::string_view flags;
  if (!string(bucket.name) || !take(1, flags)) {
    return false;
  }
  const auto bits = static_cast<uint8_t>(flags.front());
  bucket.dropped = (bits & kDroppedBit) != 0;
  bucket.created = (bits & kCreatedBit) != 0;
  bucket.implied = (bits & kImpliedBit) != 0;
  return (bits & ~(kDroppedBit | kCreatedBit | kImpliedBit)) == 0;
}

bool RedoReader::range(std::string_view& lo, std::optional<std::string_view>& hi) {
  return string(lo) && optional_string(hi);
}

bool RedoReader::point(std::string_view& key, std::optional<std::string_view>& value) {
  return string(key) && optional_string(value);
}

bool RedoReader::stream(RedoStream& stream) {
  std::string_view flags;
  if (!string(stream.name) || !take(1, flags)) {
    return false;
  }
  const auto bits = static_cast<uint8_t>(flags.front());
  stream.seals = bits == kSealsBit;
  return bits <= kSealsBit && count(stream.segment_bytes);
}

bool RedoReader::event(StoredAs& stored_as, std::span<const std::byte>& stored) {
  std::string_view how;
  std::string_view bytes;
  if (!take(1, how) || !string(bytes)) {
    return false;
  }
  stored_as = static_cast<StoredAs>(how.front());
  stored = as_bytes(bytes);
  return stored_as < StoredAs::kRedacted && stored.size() <= kStoredBytesMax;
}

}  // namespace holdfast::format
