#include "db/pins.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/planted.h"
#include "db/catalog.h"
#include "db/limits.h"
#include "db/open.h"
#include "page/page_bitmap.h"
#include "tree/cursor.h"
#include "tree/walk.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

// Pages, of some states.
class Reach {
 public:
  Reach(const PageStore& store, PageReader& reader) : reader_(reader), page_count_(store.stats().page_count) {
    pages_.resize(page_count_);
  }

  // The pages of a state that are not in the set yet, in whatever order they are met; they are in it afterwards.
  Result<std::vector<format::PageRef>> add(const State& state) {
    std::vector<format::PageRef> found;
    bool is_outside = false;
    const auto visit = [&](const format::PageRef& ref) {
      const uint32_t index = to_int(ref.page);
      is_outside = is_outside || index >= page_count_;
      if (index >= page_count_ || pages_.test(index)) {
        return false;
      }
      pages_.flip(index);
      found.push_back(ref);
      return true;
    };
    HOLDFAST_TRY(tree::walk_pages(reader_, state.catalog, visit));
    HOLDFAST_TRY(tree::walk_pages(reader_, state.streams, visit));
    tree::Cursor buckets(reader_, state.catalog);
    HOLDFAST_TRY_ASSIGN(bool there, buckets.first());
    while (there) {
      HOLDFAST_TRY_ASSIGN(const std::string_view value, buckets.value());
      format::BucketRecord bucket;
      if (!format::decode(value, bucket)) {
        return fail(Error(ErrorCode::kCorruption, "the catalog's record of a bucket is damaged").at(kTreeFileName));
      }
      HOLDFAST_TRY(tree::walk_pages(reader_, bucket.root, visit));
      HOLDFAST_TRY_ASSIGN(there, buckets.next());
    }
    if (is_outside) {
      return fail(Error(ErrorCode::kCorruption, "a tree reaches a page behind the end of the file").at(kTreeFileName));
    }
    return found;
  }

 private:
  PageReader& reader_;
  const uint64_t page_count_;
  PageBitmap pages_;
};

std::vector<NamedPin>::const_iterator find_pin(const std::vector<NamedPin>& pins, std::string_view name) {
  return std::ranges::find(pins, name, &NamedPin::name);
}

std::vector<Csn> csns_of(const std::vector<NamedPin>& pins) {
  std::vector<Csn> csns;
  for (const NamedPin& pin : pins) {
    csns.push_back(pin.row.csn);
  }
  return csns;
}

// The pages that only this pin keeps.
Result<std::vector<format::PageRef>> pages_of_pin_alone(const PageStore& store, PageReader& reader,
                                                        const std::vector<NamedPin>& pins, std::string_view name) {
  Reach reach(store, reader);
  HOLDFAST_TRY(reach.add(reader.state()));
  for (const NamedPin& pin : pins) {
    if (pin.name != name && !PLANTED(kUnpinOthers)) {
      HOLDFAST_TRY(reach.add(state_of(pin.row)));
    }
  }
  return reach.add(state_of(find_pin(pins, name)->row));
}

// A commit that is a checkpoint of its own. Pre: inside Committer::exclusively().
Result<Commit> commit_at_once(Committer& committer, WriteSet& writes,
                              std::function<Result<void>(PageWriter&)> also = {}) {
  PendingCommit pending(writes, nullptr, std::nullopt);
  pending.also = std::move(also);
  committer.commit_together({&pending});
  return std::move(*pending.result);
}

class PinChange {
 public:
  PinChange(DatabaseCore& database, std::string_view name) : database_(database), name_(name) {}

  Result<Pin> pin() {
    HOLDFAST_TRY(check_pin_name(name_));
    Result<Pin> made = Pin{};
    database_.exclusively([&](Committer& committer) { made = pin_now(committer); });
    return made;
  }
  Result<bool> unpin() {
    HOLDFAST_TRY(check_pin_name(name_));
    Result<bool> was_there = false;
    database_.exclusively([&](Committer& committer) { was_there = unpin_now(committer); });
    return was_there;
  }

 private:
  PageStore& store() { return database_.store(); }

  // What is to be kept is durable first.
  Result<std::vector<NamedPin>> begin() {
    HOLDFAST_TRY(database_.checkpoint_now());
    PageReader reader = store().new_reader_of_newest();
    return read_pins(reader);
  }

  Result<Pin> pin_now(Committer& committer) {
    HOLDFAST_TRY_ASSIGN(std::vector<NamedPin> pins, begin());
    if (find_pin(pins, name_) != pins.end()) {
      return fail(ErrorCode::kAlreadyExists, "there is a pin named " + std::string(name_) + " already");
    }
    const State& state = store().newest();
    const format::PinRow row{.csn = state.csn,
                             .wall_ns = static_cast<uint64_t>(database_.clock().wall_ns()),
                             .catalog = state.catalog,
                             .streams = state.streams,
                             .next_bucket_id = state.next_bucket_id};
    const format::PinRowOnDisk bytes = format::encode(row);
    WriteSet writes;
    const uint32_t bucket = writes.index_of(format::pins_bucket());
    writes.set_implied(bucket);
    writes.put(bucket, name_, as_text(std::as_bytes(std::span(&bytes, 1))));
    std::vector<Csn> before = csns_of(pins);
    std::vector<Csn> after = before;
    after.push_back(row.csn);
    store().set_pins(std::move(after));
    if (auto committed = commit_at_once(committer, writes); !committed) {
      store().set_pins(std::move(before));
      return fail(std::move(committed).error());
    }
    return Pin{.name = std::string(name_), .csn = row.csn, .wall_ns = row.wall_ns, .retained_bytes = 0};
  }

  Result<bool> unpin_now(Committer& committer) {
    HOLDFAST_TRY_ASSIGN(std::vector<NamedPin> pins, begin());
    const auto found = find_pin(pins, name_);
    if (found == pins.end()) {
      return false;
    }
    std::vector<format::PageRef> pages;
    {
      PageReader reader = store().new_reader_of_newest();
      HOLDFAST_TRY_ASSIGN(pages, pages_of_pin_alone(store(), reader, pins, name_));
    }
    WriteSet writes;
    writes.erase(writes.index_of(format::pins_bucket()), name_);
    std::vector<Csn> before = csns_of(pins);
    pins.erase(found);
    store().set_pins(csns_of(pins));
    const auto retire = [&](PageWriter& writer) -> Result<void> {
      for (const format::PageRef& page : PLANTED(kUnpinKeeps) ? std::vector<format::PageRef>() : pages) {
        HOLDFAST_TRY(writer.let_go(page));
      }
      return {};
    };
    if (auto committed = commit_at_once(committer, writes, retire); !committed) {
      store().set_pins(std::move(before));
      return fail(std::move(committed).error());
    }
    return true;
  }

  DatabaseCore& database_;
  const std::string_view name_;
};

}  // namespace

Result<std::vector<NamedPin>> read_pins(PageReader& reader) {
  std::vector<NamedPin> pins;
  HOLDFAST_TRY_ASSIGN(const auto bucket, catalog::find(reader, reader.state().catalog, format::pins_bucket()));
  if (!bucket) {
    return pins;
  }
  tree::Cursor cursor(reader, bucket->root);
  HOLDFAST_TRY_ASSIGN(bool there, cursor.first());
  while (there) {
    NamedPin pin{.name = std::string(cursor.key()), .row = {}};
    HOLDFAST_TRY_ASSIGN(const std::string_view value, cursor.value());
    if (!format::decode(value, pin.row) || pin.row.csn >= reader.state().csn) {
      return fail(Error(ErrorCode::kCorruption, "the stored pin " + pin.name + " is damaged").at(kTreeFileName));
    }
    pins.push_back(std::move(pin));
    HOLDFAST_TRY_ASSIGN(there, cursor.next());
  }
  return pins;
}

Result<void> load_pins(PageStore& store) {
  PageReader reader = store.new_reader_of_newest();
  const auto pins = read_pins(reader);
  if (pins) {
    store.set_pins(csns_of(*pins));
  } else if (pins.error().code() == ErrorCode::kCorruption) {
    store.keep_everything();
  } else {
    return fail(pins.error());
  }
  return {};
}

Result<Pin> pin_state(DatabaseCore& database, std::string_view name) { return PinChange(database, name).pin(); }

Result<bool> unpin_state(DatabaseCore& database, std::string_view name) { return PinChange(database, name).unpin(); }

Result<std::vector<Pin>> list_pins(const DatabaseCore& database) {
  PageReader reader = database.store().new_reader();
  HOLDFAST_TRY_ASSIGN(const std::vector<NamedPin> named, read_pins(reader));
  std::vector<Pin> pins;
  for (const NamedPin& pin : named) {
    Reach reach(database.store(), reader);
    HOLDFAST_TRY(reach.add(reader.state()));
    HOLDFAST_TRY_ASSIGN(const auto pages, reach.add(state_of(pin.row)));
    pins.push_back({.name = pin.name,
                    .csn = pin.row.csn,
                    .wall_ns = pin.row.wall_ns,
                    .retained_bytes = pages.size() * reader.page_bytes()});
  }
  return pins;
}

Result<PageReader> reader_of_csn(const DatabaseCore& database, Csn csn) {
  PageReader newest = database.store().new_reader();
  if (newest.state().csn == csn) {
    return newest;
  }
  HOLDFAST_TRY_ASSIGN(const std::vector<NamedPin> pins, read_pins(newest));
  std::string kept;
  for (const NamedPin& pin : pins) {
    if (pin.row.csn == csn) {
      return database.store().new_reader_of(state_of(pin.row));
    }
    kept += (kept.empty() ? "" : ", ") + std::to_string(to_int(pin.row.csn));
  }
  return fail(ErrorCode::kNotFound, "commit " + std::to_string(to_int(csn)) + " is not kept; those that are: " + kept +
                                        (kept.empty() ? "" : " (pinned), ") +
                                        std::to_string(to_int(newest.state().csn)) + " (the newest)");
}

Result<PageReader> reader_of_pin(const DatabaseCore& database, std::string_view name) {
  HOLDFAST_TRY(check_pin_name(name));
  PageReader newest = database.store().new_reader();
  HOLDFAST_TRY_ASSIGN(const std::vector<NamedPin> pins, read_pins(newest));
  const auto found = find_pin(pins, name);
  if (found == pins.end()) {
    return fail(ErrorCode::kNotFound, "there is no pin named " + std::string(name));
  }
  return database.store().new_reader_of(state_of(found->row));
}

Result<PageReader> reader_of_time(const DatabaseCore& database, uint64_t wall_ns) {
  PageReader newest = database.store().new_reader();
  HOLDFAST_TRY_ASSIGN(const std::vector<NamedPin> pins, read_pins(newest));
  const NamedPin* best = nullptr;
  for (const NamedPin& pin : pins) {
    if (pin.row.wall_ns <= wall_ns && (best == nullptr || best->row.csn < pin.row.csn)) {
      best = &pin;
    }
  }
  if (best == nullptr) {
    return fail(ErrorCode::kNotFound, "no state is pinned that is as old as this");
  }
  return database.store().new_reader_of(state_of(best->row));
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
