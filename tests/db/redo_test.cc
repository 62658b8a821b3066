// Redo of write sets: what is encoded comes back, and nothing else is taken for it.
#include "db/redo.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <holdfast/options.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/bytes.h"

namespace holdfast {
namespace {

constexpr uint32_t kPageBytes = kPageBytesMin;

using Range = std::pair<std::string, std::optional<std::string>>;

// A bucket's writes as values, to be compared. Buckets without any are left out.
struct BucketContent {
  bool dropped = false, created = false, implied = false;
  std::vector<Range> erased;
  std::map<std::string, std::optional<std::string>> points;
  friend bool operator==(const BucketContent&, const BucketContent&) = default;
};
using Content = std::map<std::string, BucketContent>;

Content content_of(const WriteSet& writes) {
  Content content;
  for (uint32_t index = 0; index < writes.bucket_count(); ++index) {
    const BucketWrites& bucket = writes.bucket(index);
    if (bucket.empty()) {
      continue;
    }
    BucketContent& made = content[bucket.name];
    made = {bucket.dropped, bucket.created, bucket.implied, {}, {}};
    for (const auto& [lo, hi] : bucket.erased) {
      made.erased.emplace_back(lo, hi ? std::optional<std::string>(*hi) : std::nullopt);
    }
    for (const auto& [key, value] : bucket.points) {
      made.points.emplace(key, value ? std::optional<std::string>(*value) : std::nullopt);
    }
  }
  return content;
}

// Any bytes, of up to `bytes_max`; at least one if it is a key or a name.
std::string draw_text(size_t bytes_min, size_t bytes_max) {
  const auto bytes = *rc::gen::inRange<size_t>(bytes_min, bytes_max + 1);
  return *rc::gen::container<std::string>(bytes, rc::gen::arbitrary<char>());
}

void draw_writes(WriteSet& writes) {
  const auto names = *rc::gen::inRange(0, 4);
  for (int name = 0; name < names; ++name) {
    const uint32_t bucket = writes.index_of(draw_text(1, 12));
    const auto steps = *rc::gen::inRange(0, 12);
    for (int step = 0; step < steps; ++step) {
      switch (*rc::gen::inRange(0, 8)) {
        case 0: writes.erase(bucket, draw_text(1, 6)); break;
        case 1: {
          const std::optional<std::string> hi =
              *rc::gen::arbitrary<bool>() ? std::optional(draw_text(0, 6)) : std::nullopt;
          writes.erase_range(bucket, draw_text(0, 6), hi);
          break;
        }
        case 2: writes.drop(bucket, *rc::gen::arbitrary<bool>()); break;
        case 3: writes.create(bucket); break;
        case 4: writes.set_implied(bucket); break;
        default: writes.put(bucket, draw_text(1, 6), draw_text(0, 300)); break;
      }
    }
  }
}

RC_GTEST_PROP(Redo, of_any_write_sets_comes_back_as_they_were, ()) {
  std::vector<std::byte> joined;
  std::vector<Content> wanted;
  const auto members = *rc::gen::inRange(1, 4);
  for (int member = 0; member < members; ++member) {
    WriteSet writes;
    draw_writes(writes);
    std::vector<std::byte> redo;
    RC_ASSERT(encode_redo(writes, uint64_t{1} << 20, redo));
    joined.insert(joined.end(), redo.begin(), redo.end());
    wanted.push_back(content_of(writes));
  }
  format::RedoReader reader(joined);
  for (const Content& content : wanted) {
    WriteSet decoded;
    RC_ASSERT(decode_redo(reader, kPageBytes, decoded).has_value());
    RC_ASSERT(content_of(decoded) == content);
  }
  RC_ASSERT(reader.done());
}

RC_GTEST_PROP(Redo, that_was_cut_short_is_refused, ()) {
  WriteSet writes;
  draw_writes(writes);
  std::vector<std::byte> redo;
  RC_ASSERT(encode_redo(writes, uint64_t{1} << 20, redo));
  redo.resize(*rc::gen::inRange<size_t>(0, redo.size()));
  const std::vector<std::byte> cut(redo.begin(), redo.end());
  format::RedoReader reader(cut);
  WriteSet decoded;
  const auto result = decode_redo(reader, kPageBytes, decoded);
  RC_ASSERT(!result.has_value());
  RC_ASSERT(result.error().code() == ErrorCode::kCorruption);
}

RC_GTEST_PROP(Redo, of_any_bytes_is_read_or_refused_and_nothing_else, ()) {
  const auto drawn = *rc::gen::container<std::vector<uint8_t>>(
      rc::gen::weightedOneOf<uint8_t>({{3, rc::gen::inRange<uint8_t>(0, 6)}, {1, rc::gen::arbitrary<uint8_t>()}}));
  const std::vector<uint8_t> exact(drawn.begin(), drawn.end());
  format::RedoReader reader(std::as_bytes(std::span(exact)));
  WriteSet decoded;
  if (decode_redo(reader, kPageBytes, decoded)) {
    // What it says can be written again.
    std::vector<std::byte> again;
    RC_ASSERT(encode_redo(decoded, uint64_t{1} << 20, again));
  }
}

TEST(RedoLimit, a_write_set_beyond_it_is_not_encoded_and_leaves_nothing) {
  WriteSet writes;
  const uint32_t bucket = writes.index_of("t");
  writes.put(bucket, "a", std::string(100, 'x'));
  std::vector<std::byte> redo;
  EXPECT_TRUE(encode_redo(writes, 200, redo));
  const uint64_t bytes = redo.size();
  redo.clear();
  EXPECT_TRUE(encode_redo(writes, bytes, redo));
  redo.clear();
  EXPECT_FALSE(encode_redo(writes, bytes - 1, redo));
  EXPECT_TRUE(redo.empty());
}

TEST(RedoLimit, a_key_or_name_that_no_database_takes_is_refused) {
  for (const auto& [name, key] :
       std::vector<std::pair<std::string, std::string>>{{"", "k"},
                                                        {std::string(256, 'n'), "k"},
                                                        {"t", ""},
                                                        {"t", std::string(key_bytes_max(kPageBytes) + 1, 'k')}}) {
    std::vector<std::byte> redo;
    format::RedoWriter writer(redo);
    writer.count(1);
    writer.bucket({name, false, false, true});
    writer.count(0);
    writer.count(1);
    writer.point(key, "v");
    format::RedoReader reader(redo);
    WriteSet decoded;
    const auto result = decode_redo(reader, kPageBytes, decoded);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code(), ErrorCode::kCorruption);
  }
}

}  // namespace
}  // namespace holdfast
