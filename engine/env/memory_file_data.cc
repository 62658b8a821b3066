#include "env/memory_file_data.h"

#include <algorithm>
#include <cstring>

namespace holdfast {

size_t MemoryFileData::read(uint64_t offset, std::span<std::byte> buffer) const {
  const sync::Lock lock(mutex_);
  if (offset >= size_) {
    return 0;
  }
  const size_t wanted = static_cast<size_t>(std::min<uint64_t>(buffer.size(), size_ - offset));
  for (size_t done = 0; done < wanted;) {
    const uint64_t index = (offset + done) / kBlockBytes;
    const size_t start = static_cast<size_t>((offset + done) % kBlockBytes);
    const size_t piece = std::min(wanted - done, static_cast<size_t>(kBlockBytes) - start);
    if (index < blocks_.size() && blocks_[index] != nullptr) {
      std::memcpy(buffer.data() + done, blocks_[index]->data() + start, piece);
    } else {
      std::memset(buffer.data() + done, 0, piece);
    }
    done += piece;
  }
  return wanted;
}

bool MemoryFileData::write(uint64_t offset, std::span<const std::byte> data) {
  const sync::Lock lock(mutex_);
  if (offset > kFileBytesMax || data.size() > kFileBytesMax - offset) {
    return false;
  }
  if (data.empty()) {
    return true;
  }
  const uint64_t end = offset + data.size();
  const uint64_t block_count = (end + kBlockBytes - 1) / kBlockBytes;
  if (blocks_.size() < block_count) {
    blocks_.resize(block_count);
  }
  for (size_t done = 0; done < data.size();) {
    std::unique_ptr<Block>& block = blocks_[(offset + done) / kBlockBytes];
    if (block == nullptr) {
      block = std::make_unique<Block>();
    }
    const size_t start = static_cast<size_t>((offset + done) % kBlockBytes);
    const size_t piece = std::min(data.size() - done, static_cast<size_t>(kBlockBytes) - start);
    std::memcpy(block->data() + start, data.data() + done, piece);
    done += piece;
  }
  size_ = std::max(size_, end);
  return true;
}

bool MemoryFileData::resize(uint64_t bytes) {
  const sync::Lock lock(mutex_);
  if (bytes > kFileBytesMax) {
    return false;
  }
  if (bytes < size_) {
    shrink(bytes);
  }
  size_ = bytes;
  return true;
}

bool MemoryFileData::grow(uint64_t bytes) {
  const sync::Lock lock(mutex_);
  if (bytes > kFileBytesMax) {
    return false;
  }
  size_ = std::max(size_, bytes);
  return true;
}

uint64_t MemoryFileData::size() const {
  const sync::Lock lock(mutex_);
  return size_;
}

void MemoryFileData::shrink(uint64_t bytes) {
  const uint64_t block_count = (bytes + kBlockBytes - 1) / kBlockBytes;
  if (blocks_.size() > block_count) {
    blocks_.resize(block_count);
  }
  const size_t kept = static_cast<size_t>(bytes % kBlockBytes);
  if (kept != 0 && blocks_.size() == block_count && blocks_.back() != nullptr) {
    std::fill(blocks_.back()->begin() + kept, blocks_.back()->end(), std::byte{0});
  }
}

}  // namespace holdfast
