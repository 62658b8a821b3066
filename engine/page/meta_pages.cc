// See meta_pages.h.
#include "page/meta_pages.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <tuple>

#include <holdfast/options.h>

#include "base/planted.h"

namespace holdfast {

namespace {

using format::kMetaCopyBytes;
using format::kMetaPages;
using format::Meta;

std::array<uint64_t, 2> copy_offsets(uint32_t slot, uint32_t page_bytes) {
  const uint64_t page = uint64_t{slot} * page_bytes;
  return {page, page + page_bytes - kMetaCopyBytes};
}

// The copy at `offset`; nothing if what is there is no valid copy, or cannot be read, which `unreadable` says then: the
// other copy of its page must do. Errors: unsupported.
Result<std::optional<Meta>> read_copy(File& file, uint64_t offset, std::optional<Error>& unreadable) {
  std::array<std::byte, kMetaCopyBytes> bytes;
  const auto got = file.read_at(offset, bytes);
  if (!got) {
    unreadable = got.error();
    return std::optional<Meta>();
  }
  if (*got != bytes.size()) {
    return std::optional<Meta>();
  }
  auto meta = format::decode_meta(bytes);
  if (meta) {
    return std::optional<Meta>(*meta);
  }
  if (meta.error().code() == ErrorCode::kUnsupported) {
    return fail(std::move(meta.error()).at(file.name(), offset));
  }
  return std::optional<Meta>();
}

// The page size, which must be known before the other copies can be found.
Result<uint32_t> find_page_bytes(File& file) {
  std::optional<Error> unreadable;
  HOLDFAST_TRY_ASSIGN(const std::optional<Meta> first, read_copy(file, 0, unreadable));
  if (first) {
    return first->page_bytes;
  }
  for (uint32_t page_bytes = kPageBytesMin; page_bytes <= kPageBytesMax; page_bytes *= 2) {
    for (uint32_t slot = 0; slot < kMetaPages; ++slot) {
      for (const uint64_t offset : copy_offsets(slot, page_bytes)) {
        HOLDFAST_TRY_ASSIGN(const std::optional<Meta> meta, read_copy(file, offset, unreadable));
        if (meta && meta->page_bytes == page_bytes && meta->slot == slot) {
          return page_bytes;
        }
      }
    }
  }
  if (unreadable) {
    return fail(std::move(*unreadable));
  }
  return fail(Error(ErrorCode::kCorruption, "no valid meta copy: not a tree file, or both meta pages are damaged")
                  .at(file.name(), 0));
}

bool is_same_database(const Meta& a, const Meta& b) {
  return a.database_id == b.database_id && a.page_bytes == b.page_bytes;
}

bool is_same_state(Meta a, const Meta& b) {
  a.slot = b.slot;
  a.wall_ns = b.wall_ns;
  return a == b;
}

}  // namespace

bool is_newer(const Meta& a, const Meta& b) { return std::tie(a.epoch, a.csn) > std::tie(b.epoch, b.csn); }

Result<Meta> find_newest_meta(File& file) {
  HOLDFAST_TRY_ASSIGN(const uint32_t page_bytes, find_page_bytes(file));
  std::optional<Meta> newest;
  for (uint32_t slot = 0; slot < kMetaPages; ++slot) {
    bool found = false;
    std::optional<Error> unreadable;
    for (const uint64_t offset : copy_offsets(slot, page_bytes)) {
      HOLDFAST_TRY_ASSIGN(const std::optional<Meta> meta, read_copy(file, offset, unreadable));
      if (!meta || meta->page_bytes != page_bytes || meta->slot != slot) {
        continue;  // damaged; the other copy of this page must do
      }
      found = true;
      if (newest && !is_same_database(*newest, *meta)) {
        return fail(Error(ErrorCode::kCorruption, "meta copies of two databases").at(file.name(), offset));
      }
      if (newest && newest->epoch == meta->epoch && newest->csn == meta->csn && !is_same_state(*newest, *meta)) {
        return fail(Error(ErrorCode::kCorruption, "two meta copies of one commit that differ").at(file.name(), offset));
      }
      if (!newest || is_newer(*meta, *newest) != PLANTED(kOlderMeta)) {
        newest = meta;
      }
    }
    if (!found && unreadable) {
      return fail(std::move(*unreadable));
    }
    if (!found && !(PLANTED(kMetaDamageIgnored) && newest)) {
      return fail(Error(ErrorCode::kCorruption, "both copies of meta page " + std::to_string(slot) +
                                                    " are damaged; the newest commit may have been there")
                      .at(file.name(), uint64_t{slot} * page_bytes));
    }
  }
  return *newest;
}

Result<DamagedCopies> find_damaged_copies(File& file, uint32_t page_bytes) {
  DamagedCopies damaged;
  for (uint32_t slot = 0; slot < kMetaPages; ++slot) {
    const auto offsets = copy_offsets(slot, page_bytes);
    for (size_t copy = 0; copy < offsets.size(); ++copy) {
      std::optional<Error> unreadable;
      HOLDFAST_TRY_ASSIGN(const std::optional<Meta> meta, read_copy(file, offsets[copy], unreadable));
      if (!meta || meta->slot != slot) {
        damaged[slot] = copy;
      }
    }
  }
  return damaged;
}

Result<void> write_meta(PageFile& file, const Meta& meta) {
  const auto copy = format::encode_meta(meta);
  for (const uint64_t offset : copy_offsets(meta.slot, meta.page_bytes)) {
    HOLDFAST_TRY(file.write_meta_copy(offset, copy));
  }
  return {};
}

Result<void> repair_meta(PageFile& file, const Meta& meta, size_t damaged) {
  const auto copy = format::encode_meta(meta);
  const auto offsets = copy_offsets(meta.slot, meta.page_bytes);
  HOLDFAST_TRY(file.write_meta_copy(offsets[damaged], copy));
  HOLDFAST_TRY(file.sync());
  return file.write_meta_copy(offsets[1 - damaged], copy);
}

std::vector<std::byte> first_meta_pages(Meta meta) {
  std::vector<std::byte> bytes(size_t{kMetaPages} * meta.page_bytes);
  for (uint8_t slot = 0; slot < kMetaPages; ++slot) {
    meta.slot = slot;
    const auto copy = format::encode_meta(meta);
    for (const uint64_t offset : copy_offsets(slot, meta.page_bytes)) {
      std::ranges::copy(copy, bytes.begin() + static_cast<ptrdiff_t>(offset));
    }
  }
  return bytes;
}

}  // namespace holdfast
