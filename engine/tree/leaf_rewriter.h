// LeafRewriter: puts new leaves where the leaf of a WritePath is.
//
// The caller hands over the rows that shall be there: those of the old leaf that stay, and new ones, in key order. They
// go to as few pages as hold them; a leaf that overflows shares with a neighbour before there is a third page (this
// keeps leaves about four fifths full under random inserts, where plain halving keeps them at two thirds); a leaf
// that has become small joins a neighbour; a leaf without rows goes.
//
// Threads: the writer's. Borrows the old leaf, which stays pinned by the path until finish() has copied it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <holdfast/result.h>

#include "format/leaf.h"
#include "tree/byte_arena.h"
#include "tree/partition.h"
#include "tree/path.h"

namespace holdfast::tree {

// A leaf with fewer live bytes than this joins a neighbour.
constexpr uint32_t leaf_underfull_bytes(uint32_t page_bytes) { return page_bytes / 4; }

class LeafRewriter {
 public:
  explicit LeafRewriter(WritePath& path);

  void start();
  // Rows [begin, end) of a leaf that stays pinned until finish().
  void take(const std::byte* page, uint32_t begin, uint32_t end);
  // The views live until finish().
  void add(std::string_view key, const format::LeafValue& value) { rows_.push_back({key, value}); }

  enum class Reason : uint8_t { kGrown, kAppended, kShrunk };
  // Replaces frame(0), if the tree has one, by the rows. The path's frame(0) is closed.
  Result<void> finish(Reason reason);

 private:
  struct Row {
    std::string_view key;
    format::LeafValue value;
  };

  Result<bool> join_sibling(PartitionSize& size);
  PartitionSize measure();
  void cut_evenly(const PartitionSize& size);
  Result<void> write_leaves();

  WritePath& path_;
  const uint32_t page_bytes_;
  format::LeafBuilder builder_;
  std::vector<Row> rows_;
  std::vector<Row> own_rows_;
  std::vector<uint32_t> ends_;
  std::vector<Piece> pieces_;
  ByteArena keys_;
  PagePin sibling_;
  format::PageRef sibling_ref_;
};

}  // namespace holdfast::tree
