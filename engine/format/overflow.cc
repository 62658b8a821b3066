#include "format/overflow.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace holdfast::format {

namespace {

uint64_t capacity_of(std::span<const std::byte> run) { return run.size() - kRunHeaderBytes; }

bool is_run_size(size_t run_bytes, uint32_t page_bytes) {
  return is_page_size(page_bytes) && run_bytes > 0 && run_bytes % page_bytes == 0 &&
         run_bytes / page_bytes <= kRunPagesMax;
}

bool is_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

// Only the last run of a value has room left, and less than a page of it.
bool is_filled(uint64_t payload_bytes, uint64_t capacity, uint32_t page_bytes, bool is_last) {
  return payload_bytes > 0 && payload_bytes <= capacity &&
         (is_last ? capacity - payload_bytes < page_bytes : payload_bytes == capacity);
}

// The reference to the next run, or that there is none, and what comes before this run.
bool is_place_in_value(const Run& fields) {
  const bool is_last = fields.next.is_null();
  return is_last == (fields.next_page_count == 0) && fields.next_page_count <= kRunPagesMax &&
         !fields.next.has_overflow && fields.value_offset <= kValueBytesMax &&
         fields.payload.size() <= kValueBytesMax - fields.value_offset;
}

}  // namespace

void encode_run(std::span<std::byte> run, const PageRef& self, const Run& fields, uint32_t page_bytes) {
  CHECK(is_run_size(run.size(), page_bytes));
  CHECK(is_filled(fields.payload.size(), capacity_of(run), page_bytes, fields.next.is_null()));
  CHECK(is_place_in_value(fields));
  PageHeader& header = header_of(run.data());
  header = PageHeader{};
  stamp_page(run, self, PageKind::kOverflow, 0);
  header.body = static_cast<uint32_t>(fields.payload.size());
  const RunHeader run_header{encode(fields.next), static_cast<uint32_t>(run.size() / page_bytes),
                             fields.next_page_count, fields.value_offset};
  std::memcpy(run.data() + kPageHeaderBytes, &run_header, sizeof run_header);
  const std::span<std::byte> body = run.subspan(kRunHeaderBytes);
  std::copy(fields.payload.begin(), fields.payload.end(), body.begin());
  std::ranges::fill(body.subspan(fields.payload.size()), std::byte{0});
}

const char* decode_run(std::span<const std::byte> run, const PageExpectation& expected, uint32_t page_bytes,
                       Run& fields) {
  if (!is_run_size(run.size(), page_bytes)) {
    return "run size";
  }
  if (expected.kind != PageKind::kOverflow) {
    return "kind";
  }
  if (const char* damage = find_damage(run, expected)) {
    return damage;
  }
  const PageHeader& header = header_of(run.data());
  RunHeader run_header;
  std::memcpy(&run_header, run.data() + kPageHeaderBytes, sizeof run_header);
  if (run_header.page_count != run.size() / page_bytes) {
    return "overflow: page count";
  }
  if (!decode(run_header.next, fields.next)) {
    return "overflow: reference to the next run";
  }
  if (!is_filled(header.body, capacity_of(run), page_bytes, fields.next.is_null())) {
    return "overflow: payload length";
  }
  fields.next_page_count = run_header.next_page_count;
  fields.value_offset = run_header.value_offset;
  fields.payload = run.subspan(kRunHeaderBytes, header.body);
  if (!is_place_in_value(fields)) {
    return "overflow: place in the value";
  }
  if (!is_zero(run.subspan(kRunHeaderBytes + fields.payload.size()))) {
    return "overflow: padding";
  }
  return nullptr;
}

}  // namespace holdfast::format
