// Rows of projections and of pins: version keys order as (key, position) does; what cannot be is refused.
#include "format/projection_rows.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/bytes.h"
#include "format/pin_row.h"
#include "tests/corpus.h"
#include "tests/format/golden.h"
#include "tests/format/samples.h"

namespace holdfast::format {
namespace {

std::string version_key(std::string_view key, uint64_t created_at) {
  std::string bytes;
  encode_version_key(key, created_at, bytes);
  return bytes;
}

// Keys that share beginnings, with zeros and 0xff in them.
rc::Gen<std::string> keys() {
  return rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::element('\0', 'a', '\xff')));
}

TEST(VersionKey, is_what_the_format_says) {
  EXPECT_EQ(version_key("abc", 0x0102), std::string("abc\0\0\0\0\0\x03\0\0\0\0\0\0\x01\x02", 17));
  EXPECT_EQ(version_key("12345678", 1), std::string("12345678\x08\0\0\0\0\0\0\0\x01", 17));
  EXPECT_EQ(version_key("123456789", 1), std::string("12345678\x09"
                                                     "9\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01",
                                                     26));
}

RC_GTEST_PROP(VersionKey, orders_as_the_keys_and_then_the_positions_do, ()) {
  const auto [a, b] = *rc::gen::pair(keys(), keys());
  const auto [at_a, at_b] = *rc::gen::pair(rc::gen::arbitrary<uint64_t>(), rc::gen::arbitrary<uint64_t>());
  RC_ASSERT((std::pair(a, at_a) < std::pair(b, at_b)) == (version_key(a, at_a) < version_key(b, at_b)));
  std::string end;
  encode_version_key_end(a, end);
  RC_ASSERT(version_key(a, at_a) < end);
  RC_ASSERT((a < b) == (end < version_key(b, at_b)));
}

RC_GTEST_PROP(VersionKey, decodes_to_what_was_encoded, ()) {
  const std::string key = *keys();
  const auto created_at = *rc::gen::arbitrary<uint64_t>();
  std::string again;
  uint64_t again_at = 0;
  RC_ASSERT(decode_version_key(version_key(key, created_at), again, again_at));
  RC_ASSERT(again == key);
  RC_ASSERT(again_at == created_at);
}

TEST(VersionKey, bytes_that_it_cannot_be_are_refused) {
  std::string key;
  uint64_t created_at = 0;
  const std::string valid = version_key("abcdefghi", 7);
  for (size_t size = 0; size < valid.size(); ++size) {
    EXPECT_FALSE(decode_version_key(valid.substr(0, size), key, created_at)) << size;
  }
  EXPECT_FALSE(decode_version_key(valid + '\0', key, created_at));
  const auto with = [&](size_t at, char byte) {
    std::string changed = valid;
    changed[at] = byte;
    return changed;
  };
  EXPECT_FALSE(decode_version_key(with(8, 0), key, created_at));   // a group that counts nothing
  EXPECT_FALSE(decode_version_key(with(8, 10), key, created_at));  // one that counts too much
  EXPECT_FALSE(decode_version_key(with(12, 'x'), key, created_at)) << "the filling is not zero";
}

TEST(VersionKey, the_longest_key_of_a_table_is_the_longest_that_fits) {
  for (const uint32_t page_bytes : {4096U, 8192U, 16384U, 32768U, 65536U}) {
    const uint32_t longest = table_key_bytes_max(page_bytes);
    EXPECT_LE(version_key(std::string(longest, 'k'), 1).size(), key_bytes_max(page_bytes));
    EXPECT_GT(version_key(std::string(longest + 8, 'k'), 1).size(), key_bytes_max(page_bytes));
  }
}

TEST(ProjectionRows, decode_to_what_was_encoded_and_refuse_what_cannot_be) {
  const ProjectionRow row{.projection_id = 3, .generation = 2, .building = 4, .from_stream = true, .stream = "audit"};
  ProjectionRow again;
  ASSERT_TRUE(decode(encode(row), again));
  EXPECT_EQ(again, row);
  const auto refused = [&](auto change) {
    ProjectionRow broken = row;
    change(broken);
    return !decode(encode(broken), again);
  };
  EXPECT_TRUE(refused([](ProjectionRow& broken) { broken.stream.clear(); }));
  EXPECT_TRUE(refused([](ProjectionRow& broken) { broken.from_stream = false; }));
  EXPECT_TRUE(refused([](ProjectionRow& broken) { broken.projection_id = 0; }));
  EXPECT_TRUE(refused([](ProjectionRow& broken) { broken.generation = 0; }));
  EXPECT_TRUE(refused([](ProjectionRow& broken) { broken.building = broken.generation; }));
  EXPECT_FALSE(decode(encode(row).substr(0, 15), again));
  std::string reserved = encode(row);
  reserved[13] = 1;
  EXPECT_FALSE(decode(reserved, again));

  StateRow state{.applied = 9, .hash = {}, .floor = 4};
  state.hash.fill(std::byte{0x5a});
  StateRow state_again;
  ASSERT_TRUE(decode(encode(state), state_again));
  EXPECT_EQ(state_again, state);
  state.floor = 10;
  EXPECT_FALSE(decode(encode(state), state_again)) << "a floor above what was applied";
  EXPECT_FALSE(decode(encode(state) + "x", state_again));

  TableBucket table;
  const std::string bucket = tables_prefix(7, 8, TableTree::kHistory) + "nusers";
  ASSERT_TRUE(parse_table_bucket(bucket, table));
  EXPECT_EQ(table.projection_id, 7U);
  EXPECT_EQ(table.generation, 8U);
  EXPECT_EQ(table.tree, TableTree::kHistory);
  EXPECT_EQ(table.table, "nusers");
  EXPECT_FALSE(parse_table_bucket(tables_prefix(7, 8, TableTree::kHistory), table));
  EXPECT_FALSE(parse_table_bucket(generation_bucket(7, 8) + "xxxx", table));
}

TEST(PinRow, decodes_to_what_was_encoded_and_refuses_what_cannot_be) {
  const PinRow row{.csn = Csn{12},
                   .wall_ns = 1700000000000000000,
                   .catalog = samples::ref_to(42),
                   .streams = samples::ref_to(43),
                   .next_bucket_id = 5};
  const PinRowOnDisk bytes = encode(row);
  const std::string_view text = as_text(std::as_bytes(std::span(&bytes, 1)));
  PinRow again;
  ASSERT_TRUE(decode(text, again));
  EXPECT_EQ(again, row);
  EXPECT_FALSE(decode(text.substr(1), again));
  PinRowOnDisk broken = bytes;
  broken.next_bucket_id = 0;
  EXPECT_FALSE(decode(as_text(std::as_bytes(std::span(&broken, 1))), again));
  broken = bytes;
  broken.catalog.page = 1;
  EXPECT_FALSE(decode(as_text(std::as_bytes(std::span(&broken, 1))), again)) << "a root in a meta page";
}

GoldenDump& dump_ref(GoldenDump& dump, const std::string& name) {
  return dump.field(name + ".page", 4).field(name + ".epoch", 4).field(name + ".birth, has_overflow", 8);
}

TEST(Golden, rows_of_projections_and_pins) {
  const std::string projection =
      encode(ProjectionRow{.projection_id = 3, .generation = 2, .building = 4, .from_stream = true, .stream = "audit"});
  GoldenDump(as_bytes(projection))
      .field("projection_id", 4)
      .field("generation", 4)
      .field("building", 4)
      .field("source", 1)
      .zeros("reserved", 3)
      .field("stream", 5)
      .compare_with("projection.golden");
  StateRow state{.applied = 900, .hash = {}, .floor = 256};
  state.hash.fill(std::byte{0x5a});
  const std::string state_row = encode(state);
  GoldenDump(as_bytes(state_row))
      .field("applied", 8)
      .field("hash", 32)
      .field("floor", 8)
      .compare_with("projection_state.golden");
  const PinRowOnDisk pin = encode(PinRow{.csn = Csn{12},
                                         .wall_ns = 1700000000000000000,
                                         .catalog = samples::ref_to(42),
                                         .streams = samples::ref_to(43),
                                         .next_bucket_id = 5});
  GoldenDump dump(std::as_bytes(std::span(&pin, 1)));
  dump.field("csn", 8).field("wall_ns", 8);
  dump_ref(dump, "catalog");
  dump_ref(dump, "streams").field("next_bucket_id", 8).compare_with("pin.golden");
}

TEST(Corpus, rows_of_projections_and_pins) {
  const auto bytes = [](std::string_view text) {
    const auto all = as_bytes(text);
    return std::vector<std::byte>(all.begin(), all.end());
  };
  const PinRowOnDisk pin = encode(PinRow{.csn = Csn{12},
                                         .wall_ns = 17,
                                         .catalog = samples::ref_to(42),
                                         .streams = samples::ref_to(43),
                                         .next_bucket_id = 5});
  const ProjectionRow row{.projection_id = 3, .generation = 2, .building = 4, .from_stream = true, .stream = "audit"};
  std::string version;
  encode(VersionRow{.position = 7, .data = "data"}, version);
  expect_inputs("projection_rows_fuzz", {{"version_key", bytes(version_key("abcdefghi", 7))},
                                         {"version_key_cut", bytes(version_key("abcdefghi", 7).substr(0, 20))},
                                         {"table_bucket", bytes(tables_prefix(1, 2, TableTree::kCurrent) + "nusers")},
                                         {"mark", bytes(mark_key(256))},
                                         {"projection", bytes(encode(row))},
                                         {"state", bytes(encode(StateRow{.applied = 9, .hash = {}, .floor = 4}))},
                                         {"version", bytes(version)},
                                         {"pin", bytes(as_text(std::as_bytes(std::span(&pin, 1))))}});
}

}  // namespace
}  // namespace holdfast::format
