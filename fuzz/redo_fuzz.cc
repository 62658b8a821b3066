// Redo of any bytes: as the reader sees it, and decoded into write sets. What is accepted encodes to redo that decodes
// to the same again.
#include <algorithm>

#include <holdfast/options.h>

#include "base/bytes.h"
#include "base/check.h"
#include "db/redo.h"
#include "fuzz/input.h"
#include "fuzz/page_walk.h"

namespace {

using namespace holdfast;

constexpr uint32_t kPageBytes = kPageBytesMin;
constexpr uint64_t kBytesMax = uint64_t{1} << 24;

// Reads member after member with the reader alone.
void walk(std::span<const std::byte> bytes) {
  format::RedoReader reader(bytes);
  volatile uint32_t sink = 0;
  uint32_t buckets = 0;
  while (!reader.done() && reader.count(buckets)) {
    for (; buckets > 0; --buckets) {
      format::RedoBucket bucket;
      uint32_t ranges = 0;
      if (!reader.bucket(bucket) || !reader.count(ranges)) {
        return;
      }
      sink = sink + fuzz::sum_of(bucket.name);
      std::string_view key;
      std::optional<std::string_view> other;
      for (; ranges > 0; --ranges) {
        if (!reader.range(key, other)) {
          return;
        }
        sink = sink + fuzz::sum_of(key) + fuzz::sum_of(other.value_or(""));
      }
      uint32_t points = 0;
      if (!reader.count(points)) {
        return;
      }
      for (; points > 0; --points) {
        if (!reader.point(key, other)) {
          return;
        }
        sink = sink + fuzz::sum_of(key) + fuzz::sum_of(other.value_or(""));
      }
    }
    uint32_t streams = 0;
    if (!reader.count(streams)) {
      return;
    }
    for (; streams > 0; --streams) {
      format::RedoStream stream;
      uint32_t events = 0;
      if (!reader.stream(stream) || !reader.count(events)) {
        return;
      }
      for (; events > 0; --events) {
        format::StoredAs stored_as{};
        std::span<const std::byte> stored;
        if (!reader.event(stored_as, stored)) {
          return;
        }
        sink = sink + fuzz::sum_of(as_text(stored));
      }
    }
    uint32_t rows = 0;
    if (!reader.count(rows)) {
      return;
    }
    for (; rows > 0; --rows) {
      std::string_view key;
      std::optional<std::string_view> value;
      if (!reader.point(key, value)) {
        return;
      }
      sink = sink + fuzz::sum_of(key) + fuzz::sum_of(value.value_or(""));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  const std::vector<std::byte> block = fuzz::block_of({data, bytes}, bytes);
  walk(block);
  format::RedoReader reader(block);
  WriteSet writes;
  if (!decode_redo(reader, kPageBytes, writes)) {
    return 0;
  }
  std::vector<std::byte> once;
  CHECK(encode_redo(writes, kBytesMax, once));
  format::RedoReader again(once);
  WriteSet same;
  CHECK(decode_redo(again, kPageBytes, same).has_value() && again.done());
  std::vector<std::byte> twice;
  CHECK(encode_redo(same, kBytesMax, twice));
  CHECK(once == twice);
  return 0;
}
