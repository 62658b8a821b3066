#include "sim/live_pages.h"

#include <array>
#include <tuple>

#include "format/branch.h"
#include "format/bucket.h"
#include "format/leaf.h"
#include "format/overflow.h"

namespace holdfast::sim {

namespace {

class Walk {
 public:
  Walk(const Inode& tree, uint32_t page_bytes) : tree_(tree), page_bytes_(page_bytes) {}

  // A tree whose rows are buckets, and theirs; and the tree of the streams.
  std::vector<LivePage> all(const format::PageRef& catalog, const format::PageRef& streams) {
    if (!streams.is_null()) {
      visit(streams, Rows::kPlain);
    }
    if (!catalog.is_null()) {
      visit(catalog, Rows::kBuckets);
      for (size_t next = 0; next < buckets_.size(); ++next) {
        visit(buckets_[next], Rows::kPlain);
      }
    }
    return std::move(pages_);
  }

 private:
  enum class Rows : uint8_t { kBuckets, kPlain };

  uint64_t offset_of(PageNumber page) const { return uint64_t{to_int(page)} * page_bytes_; }

  void visit(const format::PageRef& root, Rows rows) {
    std::vector<format::PageRef> open = {root};
    std::vector<std::byte> page(page_bytes_);
    while (!open.empty()) {
      const format::PageRef ref = open.back();
      open.pop_back();
      tree_.read_truth(offset_of(ref.page), page);
      const auto kind = static_cast<format::PageKind>(format::header_of(page.data()).kind);
      pages_.push_back({offset_of(ref.page), page_bytes_, kind});
      if (kind == format::PageKind::kBranch) {
        const format::BranchView branch(page.data(), page_bytes_);
        for (uint32_t index = 0; index < branch.count(); ++index) {
          open.push_back(branch.child(index));
        }
        continue;
      }
      visit_rows(format::LeafView(page.data(), page_bytes_), rows);
    }
  }

  void visit_rows(const format::LeafView& leaf, Rows rows) {
    for (uint32_t index = 0; index < leaf.count(); ++index) {
      const format::LeafValue value = leaf.value(index);
      if (value.overflow) {
        visit_runs(*value.overflow);
      } else if (format::BucketRecord bucket;
                 rows == Rows::kBuckets && format::decode(value.bytes, bucket) && !bucket.root.is_null()) {
        buckets_.push_back(bucket.root);
      }
    }
  }

  void visit_runs(const format::OverflowRef& value) {
    uint32_t page_count = value.page_count;
    for (format::PageRef at = value.first; !at.is_null();) {
      pages_.push_back({offset_of(at.page), uint64_t{page_count} * page_bytes_, format::PageKind::kOverflow});
      std::array<std::byte, sizeof(format::RunHeader)> bytes{};
      tree_.read_truth(offset_of(at.page) + format::kPageHeaderBytes, bytes);
      const auto& header = *reinterpret_cast<const format::RunHeader*>(bytes.data());
      at = format::decode_trusted(header.next);
      page_count = header.next_page_count;
    }
  }

  const Inode& tree_;
  const uint32_t page_bytes_;
  std::vector<format::PageRef> buckets_;
  std::vector<LivePage> pages_;
};

}  // namespace

std::optional<format::Meta> newest_meta(const Inode& tree) {
  std::optional<format::Meta> newest;
  const auto look_at = [&](uint64_t offset) {
    std::array<std::byte, format::kMetaCopyBytes> bytes{};
    tree.read_truth(offset, bytes);
    const auto meta = format::decode_meta(bytes);
    if (meta && (!newest || std::tie(meta->epoch, meta->csn) > std::tie(newest->epoch, newest->csn))) {
      newest = *meta;
    }
  };
  look_at(0);
  if (newest) {
    look_at(newest->page_bytes);
  }
  return newest;
}

std::vector<LivePage> live_pages(const Inode& tree) {
  const auto meta = newest_meta(tree);
  return meta ? Walk(tree, meta->page_bytes).all(meta->catalog, meta->streams) : std::vector<LivePage>();
}

}  // namespace holdfast::sim
