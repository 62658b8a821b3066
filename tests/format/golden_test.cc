// The bytes of every structure, as they have been written since format version 1.
#include "tests/format/golden.h"

#include <gtest/gtest.h>

#include "tests/format/samples.h"

namespace holdfast::format {
namespace {

using samples::Bytes;
using samples::kPageBytes;
using samples::ref_to;
using samples::sealed;

GoldenDump& dump_page_header(GoldenDump& dump) {
  return dump.field("checksum", 4)
      .field("page_number", 4)
      .field("birth", 8)
      .field("epoch", 4)
      .field("kind", 1)
      .field("level", 1)
      .field("count", 2)
      .field("body", 4)
      .field("prefix_bytes", 2)
      .zeros("reserved", 2);
}

GoldenDump& dump_ref(GoldenDump& dump, const std::string& name) {
  return dump.field(name + ".page", 4).field(name + ".epoch", 4).field(name + ".birth, has_overflow", 8);
}

TEST(Golden, meta_copy) {
  const auto bytes = encode_meta(samples::meta());
  GoldenDump dump(bytes);
  dump.field("magic", 8)
      .field("format_version", 4)
      .field("checksum", 4)
      .field("database_id", 16)
      .field("page_bytes", 4)
      .field("epoch", 4)
      .field("csn", 8)
      .field("wall_ns", 8)
      .field("page_count", 4)
      .field("free_count", 4);
  dump_ref(dump, "catalog");
  dump_ref(dump, "free_map")
      .field("next_bucket_id", 8)
      .field("free_map_level", 1)
      .field("slot", 1)
      .field("lane_count", 2)
      .field("wal_epoch", 4)
      .field("segment_bytes", 4)
      .field("closed", 1)
      .zeros("reserved", 3)
      .field("first_sequence[0 to 2]", 24)
      .zeros("first_sequence[3 to 31]", 232);
  dump_ref(dump, "streams").zeros("reserved", 120).compare_with("meta.golden");
}

TEST(Golden, identity) {
  const auto bytes = encode_identity(samples::identity());
  GoldenDump dump(bytes);
  dump.field("magic", 8)
      .field("format_version", 4)
      .field("checksum", 4)
      .field("database_id", 16)
      .field("page_bytes", 4)
      .zeros("reserved", 476)
      .compare_with("identity.golden");
}

TEST(Golden, leaf) {
  const Bytes page = sealed(samples::leaf(), ref_to(7), PageKind::kLeaf, 0);
  const LeafView leaf(page.data(), kPageBytes);
  GoldenDump dump(page);
  dump_page_header(dump);
  dump.field("fingerprints", leaf.count()).field("slots", 2 * leaf.count()).zeros("free space", leaf.gap_bytes());
  dump.field("cell 0: key_tag, value_bytes", 2).field("cell 0: suffix", 5).field("cell 0: value", 8);
  dump.field("cell 1: key_tag, value_bytes", 2).field("cell 1: suffix", 3);
  dump.field("cell 2: key_tag, value_bytes", 3).field("cell 2: suffix", 22);
  dump_ref(dump, "cell 2: first").field("cell 2: page_count", 4).field("prefix", 5).compare_with("leaf.golden");
}

TEST(Golden, branch) {
  const Bytes page = sealed(samples::branch(), ref_to(8), PageKind::kBranch, 1);
  const BranchView branch(page.data(), kPageBytes);
  GoldenDump dump(page);
  dump_page_header(dump);
  for (uint32_t index = 0; index < branch.count(); ++index) {
    dump.field("head " + std::to_string(index), 8);
  }
  for (uint32_t index = 0; index < branch.count(); ++index) {
    dump_ref(dump, "child " + std::to_string(index));
  }
  for (uint32_t index = 0; index < branch.count(); ++index) {
    dump.field("slot " + std::to_string(index) + ": offset, bytes", 4);
  }
  dump.zeros("free space", branch.gap_bytes()).field("tail 2", 2).field("tail 3", 4).field("prefix", 5);
  dump.compare_with("branch.golden");
}

TEST(Golden, overflow_run) {
  const Bytes run = samples::last_run(ref_to(20));
  GoldenDump dump(run);
  dump_page_header(dump);
  dump_ref(dump, "next").field("page_count", 4).field("next_page_count", 4).field("value_offset", 8);
  dump.field("payload", kPageBytes).zeros("padding", kPageBytes - kRunHeaderBytes).compare_with("overflow.golden");
}

TEST(Golden, free_map) {
  const Bytes page = sealed(samples::free_map(), ref_to(11), PageKind::kFreeMap, 0);
  GoldenDump dump(page);
  dump_page_header(dump);
  dump.field("pages 0 to 23", 3).zeros("other pages", kPageBytes - kPageHeaderBytes - 3);
  dump.compare_with("free_map.golden");
}

TEST(Golden, free_map_index) {
  const Bytes page = sealed(samples::free_map_index(), ref_to(13), PageKind::kFreeMapIndex, 1);
  GoldenDump dump(page);
  dump_page_header(dump);
  dump_ref(dump, "child 0");
  dump_ref(dump, "child 1 (none)");
  dump_ref(dump, "child 2");
  dump.zeros("zeros", kPageBytes - dump.offset()).compare_with("free_map_index.golden");
}

TEST(Golden, bucket_record) {
  const BucketOnDisk bytes = encode(samples::bucket());
  GoldenDump dump(std::as_bytes(std::span(&bytes, 1)));
  dump.field("bucket_id", 8);
  dump_ref(dump, "root").zeros("reserved", 8).compare_with("bucket.golden");
}

// The fingerprint is part of the format: these values are for ever.
TEST(Golden, leaf_fingerprints) {
  std::string text;
  for (const std::string_view suffix : {"", "a", "ab", "abc", "abcd", "abcdefg", "abcdefgh", "abcdefghi",
                                        "abcdefghijklmnop", "abcdefghijklmnopqrstu"}) {
    std::array<char, 64> line;
    std::snprintf(line.data(), line.size(), "%02x  %s\n", leaf_fingerprint(suffix), suffix.data());
    text += line.data();
  }
  EXPECT_EQ(text,
            "00  \n2c  a\n5f  ab\nc5  abc\ndc  abcd\n30  abcdefg\n1d  abcdefgh\nfc  abcdefghi\n59  abcdefghijklmnop\n"
            "b4  abcdefghijklmnopqrstu\n");
}

}  // namespace
}  // namespace holdfast::format
