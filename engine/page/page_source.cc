// See page_source.h.
#include "page/page_source.h"

#include <utility>

namespace holdfast {

PageSource::PageSource(Env& environment, std::unique_ptr<File> tree_file, uint32_t page_bytes, uint64_t file_bytes,
                       uint32_t seed, uint64_t cache_bytes)
    : env(environment),
      file(std::move(tree_file), page_bytes, file_bytes),
      arena(registry, page_bytes, cache_bytes),
      checksum_seed(seed) {}

Result<void> PageSource::read_verified(const format::PageRef& ref, uint8_t level, std::span<std::byte> buffer) {
  if (to_int(ref.page) < 2) {
    return fail(file.damage(ref.page, "a reference to no page of a tree"));
  }
  return file.read_sound(ref.page, buffer, [&] {
    // Of a root, the page itself says its level: checked against its kind.
    const uint8_t of_page = level == kAnyLevel ? format::header_of(buffer.data()).level : level;
    const format::PageExpectation expected{
        .ref = ref,
        .kind = of_page == 0 ? format::PageKind::kLeaf : format::PageKind::kBranch,
        .level = of_page,
        .checksum_seed = checksum_seed,
    };
    return format::find_damage(buffer, expected);
  });
}

Result<Frame*> PageSource::load(const format::PageRef& ref, uint8_t level) {
  misses.fetch_add(1, std::memory_order_relaxed);
  Frame* frame = arena.take();
  if (auto read = read_verified(ref, level, {frame->data(), file.page_bytes()}); !read) {
    arena.give_back(frame);
    return fail(std::move(read).error());
  }
  return arena.map_loaded(frame);
}

Result<void> PageSource::check_overflow_ref(const format::OverflowRef& ref) const {
  if (ref.page_count == 0 || ref.page_count > format::kRunPagesMax || ref.total_bytes == 0 ||
      ref.total_bytes > kValueBytesMax || ref.total_bytes > file.file_bytes() || to_int(ref.first.page) < 2) {
    return fail(file.damage(ref.first.page, "overflow: a reference that cannot be true"));
  }
  return {};
}

Result<void> PageSource::read_run(const format::PageRef& ref, uint64_t value_offset, std::span<std::byte> buffer,
                                  format::Run& fields) {
  return file.read_sound(ref.page, buffer, [&] {
    const format::PageExpectation expected{
        .ref = ref, .kind = format::PageKind::kOverflow, .level = 0, .checksum_seed = checksum_seed};
    const char* const damage = format::decode_run(buffer, expected, file.page_bytes(), fields);
    return damage == nullptr && fields.value_offset != value_offset ? "overflow: a run out of place" : damage;
  });
}

Result<std::span<const std::byte>> RunWalk::read_and_step(std::span<std::byte> buffer) {
  format::Run run;
  HOLDFAST_TRY(source_.read_run(ref_, value_offset_, buffer, run));
  const uint64_t left = total_bytes_ - value_offset_;
  // Each run holds at least a byte, so the walk ends; the last one ends the value exactly.
  if (run.payload.size() > left || run.next.is_null() != (run.payload.size() == left)) {
    return fail(source_.file.damage(ref_.page, "overflow: length of the value"));
  }
  value_offset_ += run.payload.size();
  ref_ = run.next;
  page_count_ = run.next_page_count;
  return run.payload;
}

}  // namespace holdfast
