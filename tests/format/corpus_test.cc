// The hand-made inputs of the fuzz targets for formats (tests/corpus.h).
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/corpus.h"
#include "tests/format/samples.h"
#include "tests/format/wal_samples.h"

namespace holdfast::format {
namespace {

using samples::Bytes;
using samples::kPageBytes;
using samples::ref_to;
using samples::sealed;

// As fuzz/input.h reads a short input: as many bytes of the start of the page as of its end, nothing but zeros between.
Bytes shortened(const Bytes& page) {
  for (size_t half = 16; half < page.size() / 2; half += 16) {
    const auto first = page.begin() + static_cast<std::ptrdiff_t>(half);
    const auto last = page.end() - static_cast<std::ptrdiff_t>(half);
    if (std::all_of(first, last, [](std::byte byte) { return byte == std::byte{0}; })) {
      Bytes input(page.begin(), first);
      input.insert(input.end(), last, page.end());
      return input;
    }
  }
  return page;
}

template <class Change>
Bytes changed(Bytes page, Change change) {
  change(page);
  return page;
}

Bytes without_trailing_zeros(Bytes bytes) {
  while (!bytes.empty() && bytes.back() == std::byte{0}) {
    bytes.pop_back();
  }
  return bytes;
}

TEST(Corpus, leaves) {
  const auto slot = [](Bytes& page, uint32_t rows, uint32_t index) {
    return page.data() + kPageHeaderBytes + rows + 2 * size_t{index};
  };
  const auto with = [](auto change) { return shortened(changed(samples::leaf(), change)); };
  expect_inputs(
      "leaf_fuzz",
      {{"valid", shortened(samples::leaf())},
       {"edited_with_hole", shortened(samples::edited_leaf())},
       {"one_row", shortened(samples::leaf_of({{"k", samples::inline_value("v")}}))},
       {"no_rows", with([](Bytes& page) { header_of(page.data()).count = 0; })},
       {"more_rows_than_fit", with([](Bytes& page) { header_of(page.data()).count = 65535; })},
       {"two_slots_with_one_cell",
        with([&](Bytes& page) { store_le(slot(page, 3, 1), load_le<uint16_t>(slot(page, 3, 0))); })},
       {"slot_in_the_index", with([&](Bytes& page) { store_le(slot(page, 3, 1), uint16_t{33}); })},
       {"slot_behind_the_page", with([&](Bytes& page) { store_le(slot(page, 3, 2), uint16_t{0xFFFF}); })},
       {"body_behind_the_page", with([](Bytes& page) { header_of(page.data()).body = 0xFFFFFFFF; })},
       {"prefix_longer_than_the_page", with([](Bytes& page) { header_of(page.data()).prefix_bytes = 0xFFFF; })},
       {"wrong_fingerprint", with([](Bytes& page) { page[kPageHeaderBytes] ^= std::byte{1}; })},
       {"overflow_run_in_a_meta_page", with([](Bytes& page) { page[page.size() - 25] = std::byte{1}; })}});
}

TEST(Corpus, branches) {
  const auto with = [](auto change) { return shortened(changed(samples::branch(), change)); };
  const auto entry = [](Bytes& page, size_t offset) { return page.data() + kPageHeaderBytes + offset; };
  expect_inputs("branch_fuzz",
                {{"valid", shortened(samples::branch())},
                 {"edited_with_hole", shortened(samples::edited_branch())},
                 {"one_child", shortened(samples::branch_of({""}))},
                 {"equal_heads", shortened(samples::branch_of({"", "abcdefgh", "abcdefghi", "abcdefghj", "b"}))},
                 {"no_children", with([](Bytes& page) { header_of(page.data()).count = 0; })},
                 {"separator_below_everything", with([&](Bytes& page) { *entry(page, 0) = std::byte{1}; })},
                 {"padding_not_zero", with([&](Bytes& page) { *entry(page, 8) = std::byte{1}; })},
                 {"child_is_none", with([&](Bytes& page) { store_le(entry(page, 32 + 16), uint32_t{0}); })},
                 {"child_is_a_meta_page", with([&](Bytes& page) { store_le(entry(page, 32 + 16), uint32_t{1}); })},
                 {"tail_behind_the_page", with([&](Bytes& page) { store_le(entry(page, 96 + 8), uint16_t{0xFFFF}); })},
                 {"separator_too_long", with([&](Bytes& page) { store_le(entry(page, 96 + 14), uint16_t{0xFFFF}); })}});
}

TEST(Corpus, page_headers) {
  const Bytes leaf = sealed(samples::leaf(), ref_to(7), PageKind::kLeaf, 0);
  const auto with = [&](auto change) {
    return shortened(changed(leaf, [&](Bytes& page) { change(header_of(page.data())); }));
  };
  expect_inputs(
      "page_header_fuzz",
      {{"leaf", shortened(leaf)},
       {"branch", shortened(sealed(samples::branch(), ref_to(7), PageKind::kBranch, 1))},
       {"free_map", shortened(sealed(samples::free_map(), ref_to(7), PageKind::kFreeMap, 0))},
       {"free_map_index", shortened(sealed(samples::free_map_index(), ref_to(7), PageKind::kFreeMapIndex, 1))},
       {"overflow", samples::first_run(ref_to(7))},
       {"empty", {}},
       {"zeros", Bytes(64)},
       {"kind_unknown", with([](PageHeader& header) { header.kind = 6; })},
       {"leaf_above_leaves", with([](PageHeader& header) { header.level = 1; })},
       {"branch_at_the_bottom", with([](PageHeader& header) { header.kind = 2; })},
       {"reserved_bytes", with([](PageHeader& header) { header.reserved = 1; })}});
}

TEST(Corpus, overflow_runs) {
  Bytes small(kPageBytes);
  const Bytes payload(20, std::byte{0x42});
  encode_run(small, ref_to(7), {{}, 0, 0, payload}, kPageBytes);
  const auto with = [&](auto change) {
    return without_trailing_zeros(
        changed(small, [&](Bytes& run) { change(*reinterpret_cast<RunHeader*>(run.data() + kPageHeaderBytes)); }));
  };
  expect_inputs("overflow_fuzz",
                {{"last_run", without_trailing_zeros(small)},
                 {"full_run_with_a_next", samples::first_run(ref_to(7))},
                 {"page_count_zero", with([](RunHeader& header) { header.page_count = 0; })},
                 {"page_count_huge", with([](RunHeader& header) { header.page_count = 0xFFFFFFFF; })},
                 {"next_in_a_meta_page", with([](RunHeader& header) { header.next.page = 1; })},
                 {"next_without_a_length", with([](RunHeader& header) { header.next = encode(ref_to(9)); })},
                 {"value_offset_huge", with([](RunHeader& header) { header.value_offset = ~uint64_t{0}; })}});
}

TEST(Corpus, free_maps) {
  const auto with = [](auto change) { return shortened(changed(samples::free_map_index(), change)); };
  expect_inputs("free_map_fuzz",
                {{"free_map", shortened(samples::free_map())},
                 {"index", shortened(samples::free_map_index())},
                 {"index_without_children", with([](Bytes& page) { header_of(page.data()).count = 0; })},
                 {"index_too_long", with([](Bytes& page) { header_of(page.data()).count = 255; })},
                 {"child_is_a_meta_page", with([](Bytes& page) { page[kPageHeaderBytes] = std::byte{1}; })},
                 {"bytes_behind_the_children", with([](Bytes& page) { page.back() = std::byte{1}; })}});
}

TEST(Corpus, meta_copies) {
  const auto copy_of = [](const Meta& meta) {
    const auto copy = encode_meta(meta);
    return Bytes(copy.begin(), copy.end());
  };
  Meta empty;
  empty.page_bytes = kPageBytesMin;
  empty.epoch = Epoch{1};
  empty.page_count = 2;
  const Bytes valid = copy_of(samples::meta());
  expect_inputs(
      "meta_fuzz",
      {{"valid", valid},
       {"empty_database", copy_of(empty)},
       {"newer_version", changed(valid, [](Bytes& copy) { copy[8] = std::byte{2}; })},
       {"page_bytes_zero", changed(valid, [](Bytes& copy) { store_le(copy.data() + 32, uint32_t{0}); })},
       {"more_free_than_pages", changed(valid, [](Bytes& copy) { store_le(copy.data() + 60, uint32_t{0xFFFFFFFF}); })},
       {"catalog_behind_the_file",
        changed(valid, [](Bytes& copy) { store_le(copy.data() + 64, uint32_t{0xFFFFFFFF}); })},
       {"reserved_bytes", changed(valid, [](Bytes& copy) { copy.back() = std::byte{1}; })},
       {"cut_short", Bytes(valid.begin(), valid.begin() + 100)}});
}

TEST(Corpus, identities_and_bucket_records) {
  const auto bytes = encode_identity(samples::identity());
  const Bytes valid(bytes.begin(), bytes.end());
  expect_inputs("identity_fuzz", {{"valid", valid},
                                  {"empty", {}},
                                  {"cut_short", Bytes(valid.begin(), valid.begin() + 40)},
                                  {"newer_version", changed(valid, [](Bytes& file) { file[8] = std::byte{2}; })},
                                  {"page_bytes_odd", changed(valid, [](Bytes& file) { file[32] = std::byte{1}; })}});
  const auto record = [](const BucketOnDisk& fields) {
    const auto all = std::as_bytes(std::span(&fields, 1));
    return Bytes(all.begin(), all.end());
  };
  BucketOnDisk id_zero = encode(samples::bucket());
  id_zero.bucket_id = 0;
  BucketOnDisk in_meta = encode(samples::bucket());
  in_meta.root.page = 1;
  expect_inputs("bucket_fuzz", {{"valid", record(encode(samples::bucket()))},
                                {"without_rows", record(encode(BucketRecord{1, {}}))},
                                {"id_zero", record(id_zero)},
                                {"root_in_a_meta_page", record(in_meta)},
                                {"cut_short", Bytes(31, std::byte{1})}});
}

TEST(Corpus, wal_segments_and_frames) {
  const auto sector = encode_segment_header(samples::segment());
  const Bytes segment(sector.begin(), sector.end());
  const auto segment_with = [&](size_t offset, auto value) {
    return changed(segment, [&](Bytes& bytes) { store_le(bytes.data() + offset, value); });
  };
  expect_inputs("wal_segment_fuzz", {{"valid", segment},
                                     {"empty", {}},
                                     {"newer_version", segment_with(8, uint32_t{2})},
                                     {"epoch_zero", segment_with(32, uint32_t{0})},
                                     {"lane_unknown", segment_with(36, kLanesMax)},
                                     {"slot_unknown", segment_with(38, kSlotsMax)},
                                     {"segment_bytes_odd", segment_with(48, uint32_t{65537})},
                                     {"reserved_bytes", segment_with(511, uint8_t{1})}});
  const std::string redo = "redo";
  const auto header = encode_record_header(samples::record_header(redo), as_bytes(redo), samples::kSeed);
  FrameHeader fields = samples::frame_header(0);
  fields.continued_bytes = 0;
  const Bytes frame =
      samples::sealed_frame(std::string(as_text(std::as_bytes(std::span(&header, 1)))) + redo, fields, samples::kSeed);
  const auto frame_with = [&](size_t offset, auto value) {
    return changed(frame, [&](Bytes& bytes) { store_le(bytes.data() + offset, value); });
  };
  expect_inputs("wal_frame_fuzz", {{"valid", frame},
                                   {"zeros", Bytes(512)},
                                   {"body_longer_than_the_segment", frame_with(8, kFrameBodyBytesMax)},
                                   {"body_bytes_huge", frame_with(8, uint32_t{0xFFFFFFFF})},
                                   {"watermark_ahead_of_itself", frame_with(32, uint64_t{1000})},
                                   {"flush_began_later", frame_with(56, uint32_t{100U << 16})},
                                   {"continues_behind_its_body", frame_with(60, uint32_t{1000})},
                                   {"padding_not_zero", frame_with(511, uint8_t{1})},
                                   {"record_body_huge", frame_with(80, uint64_t{1} << 40)}});
}

}  // namespace
}  // namespace holdfast::format
