#include "db/check.h"

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "db/limits.h"
#include "db/open.h"
#include "db/pins.h"
#include "format/bucket.h"
#include "format/meta.h"
#include "format/projection_rows.h"
#include "tree/check.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

// The walk is told this often how far it came.
constexpr uint64_t kPagesPerProgress = 256;

class Checker {
 public:
  Checker(PageStore& store, Directory& directory, Log& log, const std::function<bool(uint64_t, uint64_t)>& progress)
      : store_(store),
        directory_(directory),
        log_(log),
        progress_(progress),
        page_bytes_(store.page_bytes()),
        seen_(store.meta().page_count, kNotSeen) {}

  Result<CheckReport> run() {
    report_.page_count = seen_.size();
    HOLDFAST_TRY(check_identity());
    HOLDFAST_TRY(check_meta_pages());
    store_.verify_free_map([this](PageNumber page, std::string what) { damaged(page, std::move(what)); });
    HOLDFAST_TRY(
        log_.verify(directory_, store_.meta().database_id, [this](std::string file, uint64_t offset, std::string what) {
          report_.damage.push_back({std::move(file), offset, std::move(what)});
        }));
    check_trees();
    account();
    if (progress_ && !stopped_) {
      progress_(report_.page_count, report_.page_count);
    }
    report_.stopped = stopped_;
    return std::move(report_);
  }

 private:
  // Of a page: not met, damaged, or by which walk it was met first: that of the newest state, or of a pinned one.
  static constexpr uint32_t kNotSeen = 0;
  static constexpr uint32_t kDamaged = 1;
  static constexpr uint32_t kNewestWalk = 2;

  void add_damage(uint64_t offset, std::string what) {
    report_.damage.push_back({.file = std::string(kTreeFileName), .offset = offset, .what = std::move(what)});
  }

  void damaged(PageNumber page, std::string what) {
    if (to_int(page) < seen_.size()) {
      seen_[to_int(page)] = kDamaged;
    }
    add_damage(uint64_t{to_int(page)} * page_bytes_, std::move(what));
  }

  // It may be missing where the database was opened read-only, or lost since.
  Result<void> check_identity() {
    const auto file = directory_.open_file(kIdentityFileName, OpenMode::kReadOnly);
    if (!file && file.error().code() != ErrorCode::kNotFound) {
      return fail(file.error());
    }
    if (!file && store_.new_reader().state().csn > Csn{}) {
      report_.damage.push_back(
          {.file = std::string(kIdentityFileName), .offset = 0, .what = "the identity file is missing"});
    }
    return {};
  }

  Result<void> check_meta_pages() {
    HOLDFAST_TRY_ASSIGN(const std::unique_ptr<File> file, directory_.open_file(kTreeFileName, OpenMode::kReadOnly));
    for (uint32_t slot = 0; slot < 2; ++slot) {
      const uint64_t page_offset = uint64_t{slot} * page_bytes_;
      for (const uint64_t offset : {page_offset, page_offset + page_bytes_ - format::kMetaCopyBytes}) {
        std::array<std::byte, format::kMetaCopyBytes> copy{};
        const auto size = file->read_at(offset, copy);
        const auto meta = format::decode_meta(copy);
        std::string what;
        if (!size) {
          what = "it cannot be read: " + size.error().message();
        } else if (*size < copy.size()) {
          what = "the file ends inside a meta page";
        } else if (!meta) {
          what = meta.error().message();
        } else if (meta->slot != slot || meta->database_id != store_.meta().database_id) {
          what = "the meta page is foreign or misplaced";
        } else {
          continue;
        }
        seen_[slot] = kDamaged;
        add_damage(offset, "meta page: " + what);
      }
    }
    return {};
  }

  using Visit = tree::CheckVisitor::Visit;
  Visit reach(PageNumber page) {
    const uint32_t index = to_int(page);
    if (stopped_) {
      return Visit::kPassOver;
    }
    if (index >= seen_.size()) {
      return Visit::kEnter;  // reading it fails, and says so
    }
    if (seen_[index] == walk_) {
      return Visit::kTwice;
    }
    if (seen_[index] >= kNewestWalk) {
      return Visit::kPassOver;  // states share what did not change between them
    }
    if (progress_ && ++pages_done_ % kPagesPerProgress == 0) {
      stopped_ = !progress_(std::min<uint64_t>(pages_done_, seen_.size()), seen_.size());
    }
    if (seen_[index] == kNotSeen) {
      seen_[index] = walk_;
    }
    return Visit::kEnter;
  }

  tree::CheckVisitor visitor() {
    tree::CheckVisitor visitor;
    visitor.page = [this](PageNumber page) { return reach(page); };
    visitor.damage = [this](PageNumber page, std::string what) {
      if (!stopped_) {
        damaged(page, std::move(what));
      }
    };
    return visitor;
  }

  void check_trees() {
    PageReader reader = store_.new_reader_of_newest();
    check_state(reader, reader.state());
    const auto pins = read_pins(reader);
    if (!pins) {
      damaged(reader.state().catalog.page, pins.error().message());
      return;
    }
    const CheckReport newest = report_;
    for (const NamedPin& pin : *pins) {
      ++walk_;
      check_state(reader, state_of(pin.row));
    }
    // What the counts speak of is the newest state.
    report_.buckets = newest.buckets;
    report_.projections = newest.projections;
    report_.tables = newest.tables;
    report_.versions = newest.versions;
    report_.rows = newest.rows;
    report_.payload_bytes = newest.payload_bytes;
  }

  void check_state(PageReader& reader, const State& state) {
    struct Bucket {
      std::string name;
      format::BucketRecord record;
    };
    std::vector<Bucket> buckets;
    tree::CheckVisitor catalog = visitor();
    catalog.row = [&](std::string_view name, std::string_view value) {
      Bucket bucket{std::string(name), {}};
      if (!is_bucket_name(name) || !format::decode(value, bucket.record) ||
          bucket.record.bucket_id >= state.next_bucket_id) {
        damaged(state.catalog.page, "the catalog's record of bucket " + bucket.name + " is damaged");
        return;
      }
      buckets.push_back(std::move(bucket));
    };
    tree::check(reader, state.catalog, catalog);
    tree::CheckVisitor streams = visitor();
    streams.row = [](std::string_view, std::string_view) {};  // check_streams() reads them
    tree::check(reader, state.streams, streams);

    report_.buckets = report_.projections = report_.tables = report_.versions = 0;
    for (const Bucket& bucket : buckets) {
      tree::CheckVisitor rows = visitor();
      rows.row = counter_of(bucket.name);
      if (!stopped_) {
        tree::check(reader, bucket.record.root, rows);
      }
    }
  }

  // As what the rows of this bucket count.
  std::function<void(std::string_view key, std::string_view value)> counter_of(const std::string& bucket) {
    if (bucket.front() != format::kOwnBucketPrefix) {
      ++report_.buckets;
      return [this](std::string_view key, std::string_view value) {
        ++report_.rows;
        report_.payload_bytes += key.size() + value.size();
      };
    }
    format::TableBucket table;
    if (format::parse_table_bucket(bucket, table)) {
      report_.tables += table.tree == format::TableTree::kCurrent ? 1U : 0U;
      return [this](std::string_view, std::string_view) { ++report_.versions; };
    }
    if (bucket == format::projections_bucket()) {
      return [this](std::string_view, std::string_view) { ++report_.projections; };
    }
    return [](std::string_view, std::string_view) {};  // positions, marks, pins
  }

  // Holds what the walk saw against what the page store says.
  void account() {
    for (uint32_t index = 0; index < seen_.size(); ++index) {
      const PageNumber page{index};
      const PageStore::Place place = store_.place_of(page);
      const bool tree = place == PageStore::Place::kTree;
      if (seen_[index] >= kNewestWalk && !tree) {
        damaged(page, place == PageStore::Place::kMeta      ? "a tree reaches a meta page"
                      : place == PageStore::Place::kFreeMap ? "a tree reaches a page of the free map"
                                                            : "a page in use is free");
      }
      if (seen_[index] == kNotSeen && tree && !stopped_) {
        // Behind a damaged page nothing is reached: those pages were not lost by themselves.
        if (report_.damage.empty()) {
          damaged(page, "the page is neither in use nor free");
        } else {
          seen_[index] = kDamaged;
        }
      }
      if (seen_[index] == kDamaged) {
        ++report_.damaged_pages;
        continue;
      }
      switch (place) {
        case PageStore::Place::kMeta: ++report_.meta_pages; break;
        case PageStore::Place::kFree: ++report_.free_pages; break;
        case PageStore::Place::kAwaiting: ++report_.awaiting_pages; break;
        case PageStore::Place::kFreeMap:
        case PageStore::Place::kTree:
          ++report_.reachable_pages;
          report_.pinned_pages += seen_[index] > kNewestWalk ? 1U : 0U;
          break;
      }
    }
  }

  PageStore& store_;
  Directory& directory_;
  Log& log_;
  const std::function<bool(uint64_t, uint64_t)>& progress_;
  const uint32_t page_bytes_;
  std::vector<uint32_t> seen_;  // by page number
  uint32_t walk_ = kNewestWalk;
  CheckReport report_;
  uint64_t pages_done_ = 0;
  bool stopped_ = false;
};

}  // namespace

Result<CheckReport> check_database(PageStore& store, Directory& directory, Log& log,
                                   const std::function<bool(uint64_t done, uint64_t total)>& progress) {
  // A snapshot that has ended awaits nothing any more, also if nobody has written since.
  store.release_unreachable();
  return Checker(store, directory, log, progress).run();
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
