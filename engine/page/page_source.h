// PageSource: what readers and the writer share to get at pages: file, arena, registry.
//
// Threads:    any. A load reads the file without a lock; two threads may load the same page, one of them keeps it.
// Fails:      corruption, io; nothing is cached then, and a later try starts anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <holdfast/env.h>
#include <holdfast/result.h>

#include "format/overflow.h"
#include "format/page.h"
#include "page/arena.h"
#include "page/page_file.h"
#include "page/reader_registry.h"

namespace holdfast {

// The level of a page that is only known as a root: any.
constexpr uint8_t kAnyLevel = 0xFF;

// Whether `page` is the leaf or branch that `ref` names, which somebody verified when it was loaded. Two loads.
inline bool is_page_of(const std::byte* page, const format::PageRef& ref, uint8_t level) {
  // From byte 16: epoch, kind, level.
  constexpr uint64_t kMask = (uint64_t{1} << 48) - 1;
  static_assert(offsetof(format::PageHeader, epoch) == 16 && offsetof(format::PageHeader, level) == 21);
  if (load_le<uint64_t>(page + offsetof(format::PageHeader, birth)) != to_int(ref.birth)) {
    return false;
  }
  const uint8_t on_page = static_cast<uint8_t>(page[offsetof(format::PageHeader, level)]);
  const uint8_t expected_level = level == kAnyLevel ? on_page : level;
  const format::PageKind kind = expected_level == 0 ? format::PageKind::kLeaf : format::PageKind::kBranch;
  const uint64_t expected =
      uint64_t{to_int(ref.epoch)} | static_cast<uint64_t>(kind) << 32 | uint64_t{expected_level} << 40;
  return (load_le<uint64_t>(page + offsetof(format::PageHeader, epoch)) & kMask) == expected;
}

struct PageSource {
  PageSource(Env& environment, std::unique_ptr<File> tree_file, uint32_t page_bytes, uint64_t file_bytes, uint32_t seed,
             uint64_t cache_bytes);

  // Reads the page into an arena frame, verifies and maps it. Pre: inside a Guard. Errors: corruption, io.
  Result<Frame*> load(const format::PageRef& ref, uint8_t level);
  // Reads and verifies it into `buffer`.
  Result<void> read_verified(const format::PageRef& ref, uint8_t level, std::span<std::byte> buffer);
  // Reads and verifies a run (page_count pages), which begins at `value_offset` of its value. `fields` borrows
  // `buffer`.
  Result<void> read_run(const format::PageRef& ref, uint64_t value_offset, std::span<std::byte> buffer,
                        format::Run& fields);
  // Whether an overflow reference can be true at all; bounds what is allocated for it. Errors: corruption.
  Result<void> check_overflow_ref(const format::OverflowRef& ref) const;
  uint64_t slot_hint() { return env.threads().current_id(); }

  ReaderRegistry registry;
  Env& env;
  PageFile file;
  Arena arena;
  const uint32_t checksum_seed;
  sync::Atomic<uint64_t> hits{0}, misses{0};  // statistics; hits are added when a reader ends
};

// A walk along the runs of one overflow value.
class RunWalk {
 public:
  RunWalk(PageSource& source, const format::OverflowRef& ref)
      : source_(source), ref_(ref.first), page_count_(ref.page_count), total_bytes_(ref.total_bytes) {}

  bool done() const { return value_offset_ == total_bytes_; }
  const format::PageRef& ref() const { return ref_; }
  uint32_t page_count() const { return page_count_; }
  uint64_t run_bytes() const { return uint64_t{page_count_} * source_.file.page_bytes(); }
  uint64_t value_offset() const { return value_offset_; }
  // Whether the current run must be the last: then nothing but the reference is needed to free it.
  bool is_last() const { return total_bytes_ - value_offset_ <= run_bytes() - format::kRunHeaderBytes; }
  // Reads the current run into `buffer` (run_bytes()) and steps to the next. Errors: corruption, io.
  Result<std::span<const std::byte>> read_and_step(std::span<std::byte> buffer);

 private:
  PageSource& source_;
  format::PageRef ref_;
  uint32_t page_count_;
  uint64_t total_bytes_;
  uint64_t value_offset_ = 0;
};

}  // namespace holdfast
