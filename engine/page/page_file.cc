// See page_file.h.
#include "page/page_file.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/check.h"

namespace holdfast {

namespace {

constexpr uint64_t kWriteBytesMax = 512 * 1024;
constexpr uint64_t kGrowthBytesMin = 64 * 1024;
constexpr uint64_t kGrowthBytesMax = uint64_t{64} << 20;

}  // namespace

PageFile::PageFile(std::unique_ptr<File> file, uint32_t page_bytes, uint64_t file_bytes)
    : file_(std::move(file)), page_bytes_(page_bytes), file_bytes_(file_bytes) {}

Error PageFile::damage(PageNumber page, std::string_view what) const {
  std::string message = "page " + std::to_string(to_int(page)) + ": ";
  message += what;
  ErrorCode code = ErrorCode::kCorruption;
  if (sync_failed_.load(std::memory_order_relaxed)) {
    code = ErrorCode::kIo;
    message += ", since a sync of the file failed; open the database again, nothing that was acknowledged is lost";
  }
  return Error(code, std::move(message)).at(file_->name(), offset_of(page));
}

Result<void> PageFile::read(PageNumber first, std::span<std::byte> buffer) {
  HOLDFAST_TRY_ASSIGN(const size_t bytes, file_->read_at(offset_of(first), buffer));
  if (bytes != buffer.size()) {
    return fail(damage(first, "the file ends before it"));
  }
  return {};
}

Result<void> PageFile::reserve(uint64_t page_count) {
  const uint64_t needed = page_count * page_bytes_;
  const uint64_t have = file_bytes();
  if (needed <= have) {
    return {};
  }
  const uint64_t ahead = std::clamp(have / 8, kGrowthBytesMin, kGrowthBytesMax) / page_bytes_ * page_bytes_;
  uint64_t bytes = needed + ahead;
  auto grown = file_->allocate(have, bytes - have);
  if (!grown && grown.error().code() == ErrorCode::kNoSpace) {
    bytes = needed;  // no room to grow ahead
    grown = file_->allocate(have, bytes - have);
  }
  HOLDFAST_TRY(std::move(grown));
  file_bytes_.store(bytes, std::memory_order_relaxed);
  return {};
}

void PageFile::shrink(uint64_t page_count) {
  const uint64_t bytes = page_count * page_bytes_;
  if (bytes >= file_bytes()) {
    return;
  }
  if (file_->truncate(bytes)) {
    file_bytes_.store(bytes, std::memory_order_relaxed);
  } else if (const auto size = file_->size()) {
    file_bytes_.store(std::max(bytes, *size / page_bytes_ * page_bytes_), std::memory_order_relaxed);
  }
}

Result<void> PageFile::write_bytes(uint64_t offset, std::span<const std::byte> bytes, uint64_t pages) {
  HOLDFAST_TRY(file_->write_at(offset, bytes));
  pages_written_.fetch_add(pages, std::memory_order_relaxed);
  bytes_written_.fetch_add(bytes.size(), std::memory_order_relaxed);
  return {};
}

Result<void> PageFile::write(std::span<const PageImage> pages) {
  std::vector<std::byte> neighbours;
  const size_t together_max = std::max<size_t>(kWriteBytesMax / page_bytes_, 1);
  for (size_t begin = 0; begin < pages.size();) {
    size_t end = begin + 1;
    while (end < pages.size() && end - begin < together_max &&
           to_int(pages[end].page) == to_int(pages[end - 1].page) + 1) {
      ++end;
    }
    CHECK(to_int(pages[begin].page) >= 2 && offset_of(pages[end - 1].page) + page_bytes_ <= file_bytes());
    std::span<const std::byte> bytes(pages[begin].data, page_bytes_);
    if (end - begin > 1) {
      neighbours.resize((end - begin) * page_bytes_);
      for (size_t i = begin; i < end; ++i) {
        std::memcpy(neighbours.data() + (i - begin) * page_bytes_, pages[i].data, page_bytes_);
      }
      bytes = neighbours;
    }
    HOLDFAST_TRY(write_bytes(offset_of(pages[begin].page), bytes, end - begin));
    begin = end;
  }
  return {};
}

Result<void> PageFile::write_run(PageNumber first, std::span<const std::byte> run) {
  CHECK(to_int(first) >= 2 && offset_of(first) + run.size() <= file_bytes());
  return write_bytes(offset_of(first), run, run.size() / page_bytes_);
}

Result<void> PageFile::sync() {
  if (auto synced = file_->sync(); !synced) {
    sync_failed_.store(true, std::memory_order_relaxed);
    return synced;
  }
  syncs_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

Result<void> PageFile::write_meta_copy(uint64_t offset, std::span<const std::byte> copy) {
  return write_bytes(offset, copy, 0);
}

}  // namespace holdfast
