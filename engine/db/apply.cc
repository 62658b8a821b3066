#include "db/apply.h"

#include <utility>

#include "base/planted.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

// An empty bucket that gets at least this many rows at once is built bottom-up.
constexpr size_t kBuildRowsMin = 64;

}  // namespace

Result<WriteSetApplier::Record*> WriteSetApplier::current(const std::string& name) {
  const auto found = buckets_.find(name);
  if (found != buckets_.end()) {
    return &found->second;
  }
  HOLDFAST_TRY_ASSIGN(Record record, catalog::find(writer_.reader(), next_.catalog, name));
  return &buckets_.emplace(name, std::move(record)).first->second;
}

Result<void> WriteSetApplier::apply(WriteSet& writes) {
  for (uint32_t index = 0; index < writes.bucket_count(); ++index) {
    BucketWrites& bucket = writes.bucket(index);
    if (bucket.empty()) {
      continue;
    }
    HOLDFAST_TRY_ASSIGN(Record* const record, current(bucket.name));
    const Record before = *record;
    HOLDFAST_TRY(apply_bucket(bucket, *record));
    if (*record != before && !(PLANTED(kSecondCommitLost) && changes_.contains(bucket.name))) {
      changes_.insert_or_assign(bucket.name, *record);
    }
  }
  return stage_.append(writes, next_.next_bucket_id);
}

Result<void> WriteSetApplier::apply_rows(const std::string& name, bool implied, std::span<const tree::Op> rows) {
  HOLDFAST_TRY_ASSIGN(Record* const record, current(name));
  if (!*record && !implied) {
    return {};
  }
  const Record before = *record;
  if (!*record) {
    *record = new_bucket();
  }
  HOLDFAST_TRY_ASSIGN((*record)->root, apply_rows(rows, (*record)->root));
  if (*record != before) {
    changes_.insert_or_assign(name, *record);
  }
  return {};
}

Result<void> WriteSetApplier::apply_bucket(BucketWrites& writes, Record& record) {
  if (writes.dropped && record) {
    HOLDFAST_TRY(tree::drop(writer_, record->root));
    record.reset();
  }
  if (record) {
    were_there_.push_back(&writes);
  } else {
    if (!writes.created && !writes.implied) {
      return {};
    }
    record = new_bucket();
  }
  for (const auto& [lo, hi] : writes.erased) {
    HOLDFAST_TRY_ASSIGN(record->root, tree::erase_range(writer_, record->root, lo,
                                                        hi ? std::optional<std::string_view>(*hi) : std::nullopt));
  }
  if (!writes.points.empty()) {
    HOLDFAST_TRY_ASSIGN(record->root, apply_points(writes.points, record->root));
  }
  return {};
}

Result<format::PageRef> WriteSetApplier::apply_points(const PointWrites& points, const format::PageRef& root) {
  batch_.clear();
  for (const auto& [key, value] : points) {
    batch_.push_back({key, value});
  }
  return apply_rows(batch_, root);
}

Result<format::PageRef> WriteSetApplier::apply_rows(std::span<const tree::Op> rows, const format::PageRef& root) {
  if (!root.is_null() || rows.size() < kBuildRowsMin) {
    return tree::apply(writer_, root, rows);
  }
  tree::Builder builder(writer_);
  for (const tree::Op& row : rows) {
    if (row.value) {
      HOLDFAST_TRY(builder.add(row.key, *row.value));
    }
  }
  return builder.finish();
}

void WriteSetApplier::tell_what_was_there() {
  for (BucketWrites* const writes : were_there_) {
    writes->implied = false;
  }
}

Result<State> WriteSetApplier::finish(Csn csn) {
  HOLDFAST_TRY_ASSIGN(next_.catalog, catalog::apply(writer_, next_.catalog, changes_));
  if (!stage_.empty()) {
    HOLDFAST_TRY_ASSIGN(next_.streams, stage_.finish());
  }
  next_.csn = csn;
  return next_;
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
