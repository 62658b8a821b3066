// See rot_matrix_layout.h: the tree file.
#include <algorithm>
#include <cstring>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "format/branch.h"
#include "format/bucket.h"
#include "format/free_map.h"
#include "format/leaf.h"
#include "format/overflow.h"
#include "format/pin_row.h"
#include "format/projection_rows.h"
#include "format/stream_rows.h"
#include "log/segment_file.h"
#include "sim/rot_matrix_layout.h"

namespace holdfast::sim {

namespace {

using format::PageHeader;
using format::RunHeader;

constexpr FieldAt kHeaderFields[] = {{"checksum", 0},
                                     {"page number", offsetof(PageHeader, page_number)},
                                     {"birth", offsetof(PageHeader, birth)},
                                     {"epoch", offsetof(PageHeader, epoch)},
                                     {"kind", offsetof(PageHeader, kind)},
                                     {"level", offsetof(PageHeader, level)},
                                     {"count", offsetof(PageHeader, count)},
                                     {"body", offsetof(PageHeader, body)},
                                     {"prefix bytes", offsetof(PageHeader, prefix_bytes)},
                                     {"reserved", offsetof(PageHeader, reserved)}};
constexpr FieldAt kRunFields[] = {{"next", offsetof(RunHeader, next)},
                                  {"page count", offsetof(RunHeader, page_count)},
                                  {"next page count", offsetof(RunHeader, next_page_count)},
                                  {"value offset", offsetof(RunHeader, value_offset)}};

using format::MetaOnDisk;
constexpr FieldAt kMetaFields[] = {{"magic", 0},
                                   {"format version", offsetof(MetaOnDisk, format_version)},
                                   {"checksum", offsetof(MetaOnDisk, checksum)},
                                   {"database id", offsetof(MetaOnDisk, database_id)},
                                   {"page bytes", offsetof(MetaOnDisk, page_bytes)},
                                   {"epoch", offsetof(MetaOnDisk, epoch)},
                                   {"csn", offsetof(MetaOnDisk, csn)},
                                   {"wall clock", offsetof(MetaOnDisk, wall_ns)},
                                   {"page count", offsetof(MetaOnDisk, page_count)},
                                   {"free count", offsetof(MetaOnDisk, free_count)},
                                   {"catalog", offsetof(MetaOnDisk, catalog)},
                                   {"free map", offsetof(MetaOnDisk, free_map)},
                                   {"next bucket id", offsetof(MetaOnDisk, next_bucket_id)},
                                   {"free map level", offsetof(MetaOnDisk, free_map_level)},
                                   {"slot", offsetof(MetaOnDisk, slot)},
                                   {"lane count", offsetof(MetaOnDisk, lane_count)},
                                   {"wal epoch", offsetof(MetaOnDisk, wal_epoch)},
                                   {"segment bytes", offsetof(MetaOnDisk, segment_bytes)},
                                   {"closed", offsetof(MetaOnDisk, closed)},
                                   {"reserved", offsetof(MetaOnDisk, reserved)},
                                   {"first sequence", offsetof(MetaOnDisk, first_sequence)},
                                   {"streams", offsetof(MetaOnDisk, streams)},
                                   {"more reserved", offsetof(MetaOnDisk, more_reserved)}};

// What the rows of a tree are.
enum class Rows : uint8_t { kCatalog, kStreams, kPins, kPlain };

std::string kind_of_bucket(std::string_view name) {
  format::TableBucket table;
  if (name.front() != format::kOwnBucketPrefix) {
    return "bucket";
  }
  if (format::parse_table_bucket(name, table)) {
    return table.tree == format::TableTree::kCurrent ? "current rows" : "superseded rows";
  }
  return name == format::projections_bucket()       ? "projection list"
         : name == format::projection_pins_bucket() ? "projection pins"
         : name == format::pins_bucket()            ? "pins"
                                                    : "projection state";
}

const char* value_name(Rows rows, std::string_view key) {
  if (rows != Rows::kStreams) {
    return rows == Rows::kCatalog ? "bucket records" : rows == Rows::kPins ? "pin rows" : "values";
  }
  switch (key.front()) {
    case 'n': return "stream ids";
    case 'h': return "heads";
    case 'f': return "floors";
    case 'm': return "nodes";
    default: return "segments";
  }
}

class TreeFile {
 public:
  TreeFile(FileLayout file, TreeFacts& facts) : file_(std::move(file)), facts_(facts), meta_(newest()) {
    facts_.meta = meta_;
  }

  std::vector<Region> regions() {
    metas();
    reach(meta_.streams, "stream tree", Rows::kStreams);
    reach(meta_.catalog, "catalog", Rows::kCatalog);
    for (size_t next = 0; next < trees_.size(); ++next) {
      const Tree tree = trees_[next];
      reach(tree.root, tree.name, tree.rows);
    }
    free_map();
    file_.begin({.structure = "tree file", .in_use = false});
    file_.fill(uint64_t{meta_.page_count} * page_bytes_, file_.size(), "behind its pages");
    return file_.take();
  }

 private:
  struct Tree {
    format::PageRef root;
    std::string name;
    Rows rows;
  };

  const std::byte* at(uint64_t offset) const { return as_bytes(file_.bytes()).data() + offset; }
  std::optional<format::Meta> meta_at(uint64_t offset) const {
    const auto meta = format::decode_meta(as_bytes(file_.bytes()).subspan(offset).first<format::kMetaCopyBytes>());
    return meta ? std::optional(*meta) : std::nullopt;
  }

  format::Meta newest() const {
    const auto first = meta_at(0);
    CHECK(first);
    const auto second = meta_at(first->page_bytes);
    CHECK(second);
    return std::pair(first->epoch, first->csn) > std::pair(second->epoch, second->csn) ? *first : *second;
  }

  void metas() {
    for (uint8_t slot = 0; slot < format::kMetaPages; ++slot) {
      const uint64_t page = uint64_t{slot} * page_bytes_;
      const char* name = slot == meta_.slot ? "newest meta page" : "older meta page";
      const uint64_t last = page + page_bytes_ - format::kMetaCopyBytes;
      for (const uint64_t copy : {page, last}) {
        // Each is one write, and can be lost alone.
        file_.begin({.structure = name, .unit_begin = copy, .unit_end = copy + format::kMetaCopyBytes});
        file_.add(copy, kMetaFields, format::kMetaCopyBytes);
      }
      file_.begin({.structure = name, .in_use = false});
      file_.fill(page, page + page_bytes_, "between the copies");
      seen_.insert(slot);
    }
  }

  uint64_t begin_page(const std::string& name, PageNumber page, uint64_t pages = 1) {
    const uint64_t offset = uint64_t{to_int(page)} * page_bytes_;
    file_.begin({.structure = name, .unit_begin = offset, .unit_end = offset + pages * page_bytes_});
    file_.add(offset, kHeaderFields, format::kPageHeaderBytes);
    for (uint64_t each = 0; each < pages; ++each) {
      seen_.insert(to_int(page) + each);
    }
    return offset;
  }

  // Pages that were reached before belong to whom they were reached for first.
  void reach(const format::PageRef& root, const std::string& name, Rows rows) {
    std::vector<format::PageRef> open;
    const auto enter = [&](const format::PageRef& ref) {
      if (!ref.is_null() && !seen_.contains(to_int(ref.page))) {
        open.push_back(ref);
      }
    };
    enter(root);
    while (!open.empty()) {
      const format::PageRef ref = open.back();
      open.pop_back();
      const std::byte* page = at(uint64_t{to_int(ref.page)} * page_bytes_);
      if (format::header_of(page).kind == static_cast<uint8_t>(format::PageKind::kBranch)) {
        const format::BranchView view(page, page_bytes_);
        branch(name + " branch", ref.page, view);
        for (uint32_t index = 0; index < view.count(); ++index) {
          enter(view.child(index));
        }
      } else {
        leaf(name, ref.page, format::LeafView(page, page_bytes_), rows);
      }
    }
  }

  void branch(const std::string& name, PageNumber number, const format::BranchView& view) {
    const uint64_t page = begin_page(name, number);
    const uint64_t count = view.count();
    const uint64_t heads = page + format::kPageHeaderBytes;
    file_.add(heads, heads + 8 * count, "heads");
    for (uint64_t index = 0; index < count; ++index) {
      const uint64_t child = heads + 8 * count + index * sizeof(format::PageRefOnDisk);
      file_.add(child, child + offsetof(format::PageRefOnDisk, epoch), "child page");
      file_.add(child + offsetof(format::PageRefOnDisk, epoch), child + offsetof(format::PageRefOnDisk, birth),
                "child epoch");
      file_.add(child + offsetof(format::PageRefOnDisk, birth), child + sizeof(format::PageRefOnDisk), "child birth");
    }
    const uint64_t slots = heads + 24 * count;
    file_.add(slots, slots + 4 * count, "slots");
    for (uint32_t index = 0; index < count; ++index) {
      if (const auto tail = view.tail(index); !tail.empty()) {
        file_.add(page + view.tail_offset(index), page + view.tail_offset(index) + tail.size(), "tails");
      }
    }
    end_page(page, slots + 4 * count, view.header());
  }

  void end_page(uint64_t page, uint64_t index_end, const PageHeader& header) {
    file_.add(page + page_bytes_ - header.prefix_bytes, page + page_bytes_, "prefix");
    file_.add(index_end, page + header.body, "free space");
    file_.fill(page, page + page_bytes_, "holes");
  }

  void leaf(const std::string& name, PageNumber number, const format::LeafView& view, Rows rows) {
    const uint64_t page = begin_page(name + " leaf", number);
    const uint64_t count = view.count();
    const uint64_t index = page + format::kPageHeaderBytes;
    file_.add(index, index + count, "fingerprints");
    file_.add(index + count, index + 3 * count, "slots");
    std::vector<format::OverflowRef> runs;
    for (uint32_t row = 0; row < count; ++row) {
      const format::LeafCell cell = view.cell(row);
      const uint64_t begin = page + view.slot(row);
      const uint64_t value = page + static_cast<uint64_t>(cell.value - at(page));
      const uint64_t suffix = value - cell.suffix.size();
      const std::string key = std::string(view.prefix()) + std::string(cell.suffix);
      file_.add(begin, suffix, "cell lengths");
      file_.add(suffix, value, "keys");
      file_.add(value, value + cell.bytes_in_page(), cell.is_overflow ? "overflow references" : value_name(rows, key));
      const format::LeafValue found = view.value(row);
      if (found.overflow) {
        runs.push_back(*found.overflow);
      } else {
        look_at(key, found.bytes, name, rows);
      }
    }
    end_page(page, index + 3 * count, format::header_of(at(page)));
    for (const format::OverflowRef& run : runs) {
      runs_of(run);
    }
  }

  void look_at(const std::string& key, std::string_view value, const std::string& name, Rows rows) {
    const bool pinned = name.starts_with("pinned ");
    if (format::BucketRecord bucket; rows == Rows::kCatalog && format::decode(value, bucket)) {
      const Rows its = key == format::pins_bucket() ? Rows::kPins : Rows::kPlain;
      trees_.push_back({bucket.root, (pinned ? "pinned " : "") + kind_of_bucket(key), its});
    } else if (format::PinRow pin; rows == Rows::kPins && !pinned && format::decode(value, pin)) {
      trees_.push_back({pin.streams, "pinned stream tree", Rows::kStreams});
      trees_.push_back({pin.catalog, "pinned catalog", Rows::kCatalog});
    } else if (rows == Rows::kStreams && (key.front() == 's' || key.front() == 'h')) {
      segment(key, value);
    }
  }

  void segment(const std::string& key, std::string_view value) {
    uint64_t stream_id = 0;
    for (size_t index = 1; index < 9; ++index) {
      stream_id = stream_id << 8U | static_cast<uint8_t>(key[index]);
    }
    format::SegmentRow row;
    format::HeadRow head;
    if (key.front() == 's' && format::decode(value, row) && row.sealed()) {
      facts_.segments.emplace_back(log::segment_file_name({stream_id, row.file, row.revision}),
                                   LiveSegment{row.records_end, true});
    } else if (key.front() == 'h' && format::decode(value, head) && head.file != 0) {
      facts_.segments.emplace_back(log::segment_file_name({stream_id, head.file, 0}),
                                   LiveSegment{head.records_end, false});
    }
  }

  void runs_of(const format::OverflowRef& value) {
    uint32_t pages = value.page_count;
    for (format::PageRef ref = value.first; !ref.is_null() && !seen_.contains(to_int(ref.page));) {
      const auto& header =
          *reinterpret_cast<const RunHeader*>(at(uint64_t{to_int(ref.page)} * page_bytes_ + format::kPageHeaderBytes));
      const bool is_last = format::decode_trusted(header.next).is_null();
      const uint64_t page = begin_page(is_last ? "last overflow run" : "overflow run", ref.page, pages);
      file_.add(page + format::kPageHeaderBytes, kRunFields, sizeof(RunHeader));
      const uint64_t payload = page + format::kRunHeaderBytes;
      const uint64_t payload_end = payload + format::header_of(at(page)).body;
      file_.add(payload, payload_end, "payload");
      file_.add(payload_end, page + uint64_t{pages} * page_bytes_, "padding");
      ref = format::decode_trusted(header.next);
      pages = header.next_page_count;
    }
  }

  void free_map() {
    if (!meta_.free_map.is_null()) {
      CHECK(meta_.free_map_level == 0);  // it takes a hundred megabytes to need an index
      const uint64_t page = begin_page("free map", meta_.free_map.page);
      const uint64_t bits = page + format::kPageHeaderBytes;
      file_.add(bits, bits + (meta_.page_count + 7) / 8, "bits");
      file_.fill(page, page + page_bytes_, "bits behind the last page");
    }
    for (uint32_t page = 0; page < meta_.page_count; ++page) {
      if (!seen_.contains(page)) {
        file_.begin({.structure = is_free(page) ? "free page" : "page of no state", .in_use = false});
        file_.fill(uint64_t{page} * page_bytes_, uint64_t{page + 1} * page_bytes_, "anything");
      }
    }
  }

  bool is_free(uint32_t page) const {
    if (meta_.free_map.is_null()) {
      return false;
    }
    const uint64_t map = uint64_t{to_int(meta_.free_map.page)} * page_bytes_ + format::kPageHeaderBytes;
    return (static_cast<uint8_t>(*at(map + page / 8)) >> page % 8 & 1U) != 0;
  }

  FileLayout file_;
  TreeFacts& facts_;
  const format::Meta meta_;
  const uint32_t page_bytes_ = meta_.page_bytes;
  std::set<uint64_t> seen_;
  std::vector<Tree> trees_;
};

}  // namespace

std::vector<Region> tree_layout(FileLayout file, TreeFacts& facts) {
  return TreeFile(std::move(file), facts).regions();
}

}  // namespace holdfast::sim
