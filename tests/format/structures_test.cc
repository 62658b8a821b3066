// Meta copies, identity, bucket records, overflow runs, free map and page headers.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <functional>

#include "base/crc32c.h"
#include "tests/format/samples.h"

namespace holdfast::format {
namespace {

using samples::Bytes;
using samples::expectation;
using samples::kPageBytes;
using samples::kSeed;
using samples::ref_to;
using samples::sealed;

// --- references

TEST(PageRefCodec, keeps_every_field_at_its_limits) {
  for (const PageRef& ref :
       {PageRef{}, ref_to(2), PageRef{PageNumber{0xFFFFFFFF}, Epoch{0xFFFFFFFF}, Csn{kCsnMax}, true}}) {
    PageRef read = ref_to(99);
    ASSERT_TRUE(decode(encode(ref), read));
    EXPECT_EQ(read, ref);
  }
}

TEST(PageRefCodec, refuses_meta_pages_reserved_bits_and_half_a_null) {
  PageRef read;
  PageRefOnDisk bytes = encode(ref_to(2));
  bytes.page = 1;
  EXPECT_FALSE(decode(bytes, read));
  for (int bit = 57; bit < 64; ++bit) {
    bytes = encode(ref_to(2));
    bytes.birth = bytes.birth | uint64_t{1} << bit;
    EXPECT_FALSE(decode(bytes, read)) << bit;
  }
  bytes = {};
  bytes.epoch = 1;
  EXPECT_FALSE(decode(bytes, read));
  bytes = {};
  bytes.birth = kHasOverflowBit;
  EXPECT_FALSE(decode(bytes, read));
}

// --- page headers

class FindDamage : public testing::Test {
 protected:
  void expect(const char* damage) {
    seal_page(page_, kSeed);
    EXPECT_STREQ(find_damage(page_, expected_), damage);
  }
  PageHeader& header() { return header_of(page_.data()); }

  Bytes page_ = sealed(samples::leaf(), ref_to(7), PageKind::kLeaf, 0);
  PageExpectation expected_ = expectation(ref_to(7), PageKind::kLeaf, 0);
};

TEST_F(FindDamage, accepts_what_was_sealed) { EXPECT_EQ(find_damage(page_, expected_), nullptr); }

TEST_F(FindDamage, refuses_every_single_flipped_bit) {
  for (size_t bit = 0; bit < 8 * page_.size(); ++bit) {
    page_[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    ASSERT_STREQ(find_damage(page_, expected_), "checksum") << bit;
    page_[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
  }
}

TEST_F(FindDamage, refuses_a_zeroed_page_and_a_foreign_one) {
  EXPECT_STREQ(find_damage(Bytes(kPageBytes), expected_), "checksum");
  expected_.checksum_seed = kSeed + 1;
  EXPECT_STREQ(find_damage(page_, expected_), "checksum");
}

TEST_F(FindDamage, refuses_a_misdirected_page) {
  header().page_number = 8;
  expect("page number");
}

TEST_F(FindDamage, refuses_a_stale_page) {
  header().birth = header().birth - 1;
  expect("birth stamp");
}

TEST_F(FindDamage, refuses_a_page_of_an_attempt_that_never_committed) {
  header().epoch = header().epoch - 1;
  expect("birth stamp");
}

TEST_F(FindDamage, refuses_another_kind_and_another_level) {
  header().kind = 0;
  expect("kind");
  header().kind = static_cast<uint8_t>(PageKind::kBranch);
  expect("kind");
  header().kind = static_cast<uint8_t>(PageKind::kLeaf);
  header().level = 1;
  expect("level");
  expected_.level = 1;  // not even if it is expected: leaves are at level 0
  expect("level");
}

TEST_F(FindDamage, refuses_levels_that_no_tree_can_have) {
  page_ = sealed(samples::branch(), ref_to(7), PageKind::kBranch, kLevelMax);
  expected_ = expectation(ref_to(7), PageKind::kBranch, kLevelMax);
  expect(nullptr);
  for (const int level : {0, kLevelMax + 1, 255}) {
    header().level = static_cast<uint8_t>(level);
    expected_.level = static_cast<uint8_t>(level);
    expect("level");
  }
}

TEST_F(FindDamage, refuses_reserved_bytes) {
  header().reserved = 1;
  expect("reserved header bytes");
}

TEST_F(FindDamage, refuses_pages_of_no_page_size) {
  for (const size_t bytes : {0U, 1U, 31U, 32U, 2048U, 4095U, 4097U, 12288U, 131072U}) {
    EXPECT_STREQ(find_damage(Bytes(bytes), expected_), "page size") << bytes;
  }
}

TEST_F(FindDamage, asks_the_validator_of_each_kind) {
  header().count = 0;
  expect("leaf: no rows");
  page_ = sealed(Bytes(kPageBytes), ref_to(7), PageKind::kBranch, 1);
  expected_ = expectation(ref_to(7), PageKind::kBranch, 1);
  expect("branch: no children");
  page_ = sealed(Bytes(kPageBytes), ref_to(7), PageKind::kFreeMapIndex, 1);
  expected_ = expectation(ref_to(7), PageKind::kFreeMapIndex, 1);
  expect("free map index: count");
  page_ = sealed(Bytes(kPageBytes), ref_to(7), PageKind::kFreeMap, 0);
  expected_ = expectation(ref_to(7), PageKind::kFreeMap, 0);
  expect(nullptr);
  header().body = 1;
  expect("free map: header");
}

// --- meta copies

Result<Meta> meta_with(const std::function<void(MetaOnDisk&)>& change) {
  auto copy = encode_meta(samples::meta());
  auto bytes = std::bit_cast<MetaOnDisk>(copy);
  change(bytes);
  copy = std::bit_cast<std::array<std::byte, kMetaCopyBytes>>(bytes);
  const std::span<const std::byte> all(copy);
  bytes.checksum = crc32c(all.subspan(16), crc32c(all.first(12)));
  copy = std::bit_cast<std::array<std::byte, kMetaCopyBytes>>(bytes);
  return decode_meta(copy);
}

void expect_meta_refused(const char* why, const std::function<void(MetaOnDisk&)>& change) {
  const auto meta = meta_with(change);
  ASSERT_FALSE(meta) << why;
  EXPECT_EQ(meta.error().code(), ErrorCode::kCorruption);
  EXPECT_NE(meta.error().message().find(why), std::string::npos) << meta.error().to_string();
}

TEST(MetaCodec, reads_what_it_wrote) {
  const auto meta = decode_meta(encode_meta(samples::meta()));
  ASSERT_TRUE(meta);
  EXPECT_EQ(*meta, samples::meta());
}

TEST(MetaCodec, reads_an_empty_database) {
  Meta empty;
  empty.page_bytes = kPageBytesMin;
  empty.epoch = Epoch{1};
  empty.page_count = 2;
  const auto meta = decode_meta(encode_meta(empty));
  ASSERT_TRUE(meta);
  EXPECT_EQ(*meta, empty);
}

TEST(MetaCodec, refuses_every_single_flipped_bit) {
  auto copy = encode_meta(samples::meta());
  for (size_t bit = 0; bit < 8 * copy.size(); ++bit) {
    copy[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    const auto meta = decode_meta(copy);
    ASSERT_FALSE(meta) << bit;
    ASSERT_EQ(meta.error().code(), ErrorCode::kCorruption) << bit;
    copy[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
  }
}

TEST(MetaCodec, says_that_a_newer_version_is_unsupported) {
  const auto meta = meta_with([](MetaOnDisk& bytes) { bytes.format_version = kFormatVersion + 1; });
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().code(), ErrorCode::kUnsupported);
}

TEST(MetaCodec, refuses_fields_that_break_their_rule) {
  expect_meta_refused("format_version", [](MetaOnDisk& bytes) { bytes.format_version = 0; });
  for (const uint32_t page_bytes : {0U, 2048U, 4097U, 12288U, 131072U, 0x80000000U}) {
    expect_meta_refused("page_bytes", [&](MetaOnDisk& bytes) { bytes.page_bytes = page_bytes; });
  }
  expect_meta_refused("epoch", [](MetaOnDisk& bytes) { bytes.epoch = 0; });
  expect_meta_refused("csn", [](MetaOnDisk& bytes) { bytes.csn = kCsnMax + 1; });
  expect_meta_refused("page_count", [](MetaOnDisk& bytes) { bytes.page_count = 1; });
  expect_meta_refused("free_count", [](MetaOnDisk& bytes) { bytes.free_count = 99; });
  expect_meta_refused("catalog", [](MetaOnDisk& bytes) { bytes.catalog.page = 100; });
  expect_meta_refused("catalog", [](MetaOnDisk& bytes) { bytes.catalog.page = 1; });
  expect_meta_refused("free_map", [](MetaOnDisk& bytes) { bytes.free_map.page = 100; });
  expect_meta_refused("free_map", [](MetaOnDisk& bytes) { bytes.free_map = {}; });
  expect_meta_refused("free_map", [](MetaOnDisk& bytes) { bytes.free_count = 0; });
  expect_meta_refused("streams", [](MetaOnDisk& bytes) { bytes.streams.page = 100; });
  expect_meta_refused("next_bucket_id", [](MetaOnDisk& bytes) { bytes.next_bucket_id = 0; });
  expect_meta_refused("free_map_level", [](MetaOnDisk& bytes) { bytes.free_map_level = kLevelMax + 1; });
  expect_meta_refused("slot", [](MetaOnDisk& bytes) { bytes.slot = 2; });
  expect_meta_refused("lane_count", [](MetaOnDisk& bytes) { bytes.lane_count = kLanesMax + 1; });
  expect_meta_refused("wal_epoch", [](MetaOnDisk& bytes) { bytes.wal_epoch = 0; });
  for (const uint32_t segment_bytes : {0U, 65535U, 65537U, 8U << 20U}) {
    expect_meta_refused("segment_bytes", [&](MetaOnDisk& bytes) { bytes.segment_bytes = segment_bytes; });
  }
  expect_meta_refused("closed", [](MetaOnDisk& bytes) { bytes.closed = 2; });
  expect_meta_refused("first_sequence", [](MetaOnDisk& bytes) { bytes.first_sequence[2] = 0; });
  expect_meta_refused("first_sequence", [](MetaOnDisk& bytes) { bytes.first_sequence[3] = 1; });
  expect_meta_refused("first_sequence", [](MetaOnDisk& bytes) { bytes.lane_count = 2; });
  expect_meta_refused("reserved", [](MetaOnDisk& bytes) { bytes.reserved.back() = std::byte{1}; });
  expect_meta_refused("reserved", [](MetaOnDisk& bytes) { bytes.more_reserved.back() = std::byte{1}; });
}

// --- identity

TEST(IdentityCodec, reads_what_it_wrote) {
  const auto identity = decode_identity(encode_identity(samples::identity()));
  ASSERT_TRUE(identity);
  EXPECT_EQ(*identity, samples::identity());
}

TEST(IdentityCodec, refuses_every_length_but_its_own) {
  const auto bytes = encode_identity(samples::identity());
  for (size_t length = 0; length < bytes.size(); ++length) {
    ASSERT_FALSE(decode_identity(std::span(bytes).first(length)));
  }
  Bytes longer(bytes.begin(), bytes.end());
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_identity(longer));
}

TEST(IdentityCodec, refuses_every_single_flipped_bit) {
  auto bytes = encode_identity(samples::identity());
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    ASSERT_FALSE(decode_identity(bytes)) << bit;
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
  }
}

// --- bucket records

std::string_view text_of(const BucketOnDisk& bytes) { return as_text(std::as_bytes(std::span(&bytes, 1))); }

TEST(BucketCodec, reads_what_it_wrote) {
  for (const PageRef& root : {PageRef{}, ref_to(42)}) {
    BucketRecord read;
    ASSERT_TRUE(decode(text_of(encode(BucketRecord{~uint64_t{0}, root})), read));
    EXPECT_EQ(read, (BucketRecord{~uint64_t{0}, root}));
  }
}

TEST(BucketCodec, refuses_everything_else) {
  BucketRecord read;
  BucketOnDisk bytes = encode(samples::bucket());
  EXPECT_FALSE(decode("", read));
  EXPECT_FALSE(decode(text_of(bytes).substr(1), read));
  EXPECT_FALSE(decode(std::string(text_of(bytes)) + '\0', read));
  bytes.reserved = 1;
  EXPECT_FALSE(decode(text_of(bytes), read));
  bytes = encode(samples::bucket());
  bytes.bucket_id = 0;
  EXPECT_FALSE(decode(text_of(bytes), read));
  bytes = encode(samples::bucket());
  bytes.root.page = 1;
  EXPECT_FALSE(decode(text_of(bytes), read));
}

// --- overflow runs

class OverflowDamage : public testing::Test {
 protected:
  RunHeader& run_header() { return *reinterpret_cast<RunHeader*>(run_.data() + kPageHeaderBytes); }
  void expect(const char* damage) {
    seal_page(run_, kSeed);
    format::Run fields;
    EXPECT_STREQ(decode_run(run_, expectation(ref_to(20), PageKind::kOverflow, 0), kPageBytes, fields), damage);
  }

  Bytes run_ = samples::last_run(ref_to(20));
};

TEST(OverflowCodec, reads_what_it_wrote_at_every_length_around_a_page) {
  for (const size_t pages : {1U, 2U, 3U, 256U}) {
    const size_t capacity = pages * kPageBytes - kRunHeaderBytes;
    const size_t least = pages == 1 ? 1 : capacity - kPageBytes + 1;
    for (const size_t length : {least, least + 1, capacity - 1, capacity}) {
      Bytes run(pages * kPageBytes, std::byte{0xEE});
      const Bytes payload(length, std::byte{0x42});
      encode_run(run, ref_to(6), {{}, 0, 12345, payload}, kPageBytes);
      seal_page(run, kSeed);
      format::Run read;
      ASSERT_EQ(decode_run(run, expectation(ref_to(6), PageKind::kOverflow, 0), kPageBytes, read), nullptr);
      EXPECT_EQ(read.value_offset, 12345U);
      EXPECT_TRUE(read.next.is_null());
      EXPECT_TRUE(std::ranges::equal(read.payload, payload));
      EXPECT_EQ(run_pages_needed(length, kPageBytes), pages);
    }
  }
}

TEST(OverflowCodec, chains_a_full_run_to_the_next) {
  const Bytes run = samples::first_run(ref_to(19));
  format::Run read;
  ASSERT_EQ(decode_run(run, expectation(ref_to(19), PageKind::kOverflow, 0), kPageBytes, read), nullptr);
  EXPECT_EQ(read.next, ref_to(20));
  EXPECT_EQ(read.next_page_count, 1U);
  EXPECT_EQ(read.payload.size(), kPageBytes - kRunHeaderBytes);
}

TEST_F(OverflowDamage, refuses_fields_that_break_their_rule) {
  expect(nullptr);
  run_header().page_count = 1;
  expect("overflow: page count");
  run_header().page_count = 2;
  run_header().next.page = 1;
  expect("overflow: reference to the next run");
  run_header().next = {};
  run_header().next_page_count = 1;
  expect("overflow: place in the value");
  run_header().next_page_count = 0;
  run_header().value_offset = kValueBytesMax - kPageBytes;
  expect(nullptr);
  run_header().value_offset = kValueBytesMax - kPageBytes + 1;
  expect("overflow: place in the value");
  run_header().value_offset = ~uint64_t{0};
  expect("overflow: place in the value");
  run_header().value_offset = 0;
  run_.back() = std::byte{1};
  expect("overflow: padding");
}

TEST_F(OverflowDamage, refuses_header_fields_that_only_trees_use) {
  header_of(run_.data()).count = 1;
  expect("overflow: header");
  header_of(run_.data()).count = 0;
  header_of(run_.data()).prefix_bytes = 1;
  expect("overflow: header");
}

TEST_F(OverflowDamage, refuses_payload_lengths_that_the_run_is_not_for) {
  for (const uint32_t bytes : {0U, kPageBytes - kRunHeaderBytes, 2 * kPageBytes - kRunHeaderBytes + 1, 0xFFFFFFFFU}) {
    header_of(run_.data()).body = bytes;
    expect("overflow: payload length");
  }
  run_ = samples::last_run(ref_to(20));
  run_header().next = encode(ref_to(21));  // only the last run may have room left
  run_header().next_page_count = 1;
  expect("overflow: payload length");
}

TEST_F(OverflowDamage, refuses_runs_of_impossible_size) {
  format::Run fields;
  for (const size_t bytes : {0U, 100U, 4097U, kPageBytes * (kRunPagesMax + 1)}) {
    EXPECT_STREQ(decode_run(Bytes(bytes), expectation(ref_to(20), PageKind::kOverflow, 0), kPageBytes, fields),
                 "run size");
  }
}

// --- free map

TEST(FreeMapIndex, reads_what_it_wrote) {
  const Bytes page = samples::free_map_index();
  ASSERT_EQ(find_free_map_index_damage(page), nullptr);
  EXPECT_EQ(free_map_index_child(page, 0), ref_to(11));
  EXPECT_TRUE(free_map_index_child(page, 1).is_null());
  EXPECT_EQ(free_map_index_child(page, 2), ref_to(12));
}

TEST(FreeMapIndex, holds_its_fanout_on_every_page_size_and_not_one_more) {
  for (uint32_t page_bytes = kPageBytesMin; page_bytes <= kPageBytesMax; page_bytes *= 2) {
    const std::vector<PageRef> children(free_map_index_fanout(page_bytes), ref_to(5));
    Bytes page(page_bytes);
    encode_free_map_index(page, children);
    EXPECT_EQ(find_free_map_index_damage(page), nullptr);
    header_of(page.data()).count = static_cast<uint16_t>(children.size() + 1);
    EXPECT_STREQ(find_free_map_index_damage(page), "free map index: count");
  }
}

TEST(FreeMapIndex, refuses_bad_children_and_bytes_behind_them) {
  Bytes page = samples::free_map_index();
  page[kPageHeaderBytes] = std::byte{1};
  EXPECT_STREQ(find_free_map_index_damage(page), "free map index: a child reference");
  page = samples::free_map_index();
  page[kPageHeaderBytes + 15] = std::byte{1};  // has_overflow
  EXPECT_STREQ(find_free_map_index_damage(page), "free map index: a child reference");
  page = samples::free_map_index();
  page.back() = std::byte{1};
  EXPECT_STREQ(find_free_map_index_damage(page), "free map index: bytes behind the children");
  page = samples::free_map_index();
  header_of(page.data()).prefix_bytes = 1;
  EXPECT_STREQ(find_free_map_index_damage(page), "free map index: header");
}

}  // namespace
}  // namespace holdfast::format
