// Small valid structures of every kind, for the tests of engine/format and for the corpus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "format/branch.h"
#include "format/bucket.h"
#include "format/free_map.h"
#include "format/identity.h"
#include "format/leaf.h"
#include "format/meta.h"
#include "format/overflow.h"
#include "format/page.h"

namespace holdfast::format::samples {

using Bytes = std::vector<std::byte>;

constexpr uint32_t kPageBytes = 4096;
constexpr uint32_t kSeed = 0x5EED;

// A page other than the meta pages; epoch and birth follow from its number.
inline PageRef ref_to(uint32_t page) { return {PageNumber{page}, Epoch{3}, Csn{40 + page}, false}; }

inline DatabaseId database_id() {
  DatabaseId id;
  for (size_t index = 0; index < id.size(); ++index) {
    id[index] = static_cast<std::byte>(0xA0 + index);
  }
  return id;
}

inline Bytes sealed(Bytes page, const PageRef& self, PageKind kind, uint8_t level) {
  stamp_page(page, self, kind, level);
  seal_page(page, kSeed);
  return page;
}

inline PageExpectation expectation(const PageRef& self, PageKind kind, uint8_t level) {
  return {self, kind, level, kSeed};
}

inline LeafValue inline_value(std::string_view bytes) { return {bytes, std::nullopt}; }
inline LeafValue overflow_value(const OverflowRef& ref) { return {{}, ref}; }

using Row = std::pair<std::string, LeafValue>;

inline Bytes leaf_of(const std::vector<Row>& rows, uint32_t page_bytes = kPageBytes) {
  Bytes page(page_bytes);
  LeafBuilder builder(page_bytes);
  for (const auto& [key, value] : rows) {
    builder.add(key, value);
  }
  builder.finish(page.data());
  return page;
}

// Three rows with a shared prefix: a value, an empty value, an overflow value.
inline Bytes leaf() {
  return leaf_of({{"user:alice", inline_value("30 years")},
                  {"user:bob", inline_value("")},
                  {"user:carol-with-a-long-name", overflow_value({ref_to(9), 2, 5000})}});
}

// A leaf as in-place edits leave it: cells out of order, and a hole.
inline Bytes edited_leaf() {
  Bytes page = leaf();
  LeafEditor editor(page.data(), kPageBytes);
  editor.insert(1, "user:amy", inline_value("seven"));
  editor.replace(0, inline_value("thirty-one years and a day"));
  return page;
}

inline Bytes branch_of(const std::vector<std::string>& separators, uint32_t page_bytes = kPageBytes) {
  Bytes page(page_bytes);
  BranchBuilder builder(page_bytes);
  uint32_t child = 5;
  for (const std::string& separator : separators) {
    builder.add(separator, ref_to(child++));
  }
  builder.finish(page.data());
  return page;
}

// Four children: no tail, a tail, a tail with the same head.
inline Bytes branch() { return branch_of({"", "user:bob", "user:carol-anne", "user:carol-anne-b"}); }

inline Bytes edited_branch() {
  Bytes page = branch();
  BranchEditor editor(page.data(), kPageBytes);
  editor.insert(1, "user:a-long-separator", ref_to(77));
  editor.erase(3);
  return page;
}

inline Bytes text_bytes(std::string_view text) { return Bytes(as_bytes(text).begin(), as_bytes(text).end()); }

// The first run of a value of two runs: full, with a reference to the next.
inline Bytes first_run(const PageRef& self) {
  Bytes run(kPageBytes);
  const Bytes payload(kPageBytes - kRunHeaderBytes, std::byte{0x77});
  encode_run(run, self, {ref_to(20), 1, 0, payload}, kPageBytes);
  seal_page(run, kSeed);
  return run;
}

inline Bytes last_run(const PageRef& self) {
  Bytes run(2 * kPageBytes);
  const Bytes payload(kPageBytes, std::byte{0x78});
  encode_run(run, self, {{}, 0, kPageBytes - kRunHeaderBytes, payload}, kPageBytes);
  seal_page(run, kSeed);
  return run;
}

inline Bytes free_map() {
  Bytes page(kPageBytes);
  free_map_bits(std::span(page))[1] = std::byte{0x81};
  return page;
}

inline Bytes free_map_index() {
  Bytes page(kPageBytes);
  const std::vector<PageRef> children = {ref_to(11), {}, ref_to(12)};
  encode_free_map_index(page, children);
  return page;
}

inline Meta meta() {
  Meta meta;
  meta.database_id = database_id();
  meta.page_bytes = 16384;
  meta.epoch = Epoch{7};
  meta.csn = Csn{123456};
  meta.wall_ns = 1'700'000'000'000'000'000;
  meta.page_count = 100;
  meta.free_count = 5;
  meta.catalog = ref_to(10);
  meta.catalog.has_overflow = true;
  meta.free_map = ref_to(11);
  meta.streams = ref_to(12);
  meta.next_bucket_id = 4;
  meta.free_map_level = 1;
  meta.slot = 1;
  meta.log = {3, Epoch{9}, 1 << 20, true, {17, 18, 19}};
  return meta;
}

inline Identity identity() { return {database_id(), 16384}; }
inline BucketRecord bucket() { return {3, ref_to(42)}; }

}  // namespace holdfast::format::samples
