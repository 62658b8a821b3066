#include "sim/model.h"

#include <algorithm>
#include <ranges>

#include "base/check.h"

namespace holdfast::sim {

BucketId Model::bucket(std::string_view name) {
  if (const auto found = ids_.find(name); found != ids_.end()) {
    return found->second;
  }
  const auto id = static_cast<BucketId>(buckets_.size());
  buckets_.push_back({std::string(name), {}, {}});
  ids_.emplace(name, id);
  return id;
}

const Model::Version* Model::version_at(const Versions& versions, uint64_t csn) {
  for (const Version& version : std::views::reverse(versions)) {
    if (version.csn <= csn) {
      return &version;
    }
  }
  return nullptr;
}

void Model::set(Applied& applied, Versions& versions, Version version) {
  if (!versions.empty() && versions.back().csn == version.csn) {
    versions.back() = version;
    return;
  }
  versions.push_back(version);
  applied.touched.push_back(&versions);
}

void Model::set_existence(Applied& applied, BucketId id, bool there) {
  Bucket& bucket = buckets_[id];
  const uint64_t csn = commits_.size() + 1;
  const bool dropped = !there;
  if (!bucket.existence.empty() && bucket.existence.back().csn == csn) {
    bucket.existence.back().there = there;
    bucket.existence.back().was_dropped |= dropped;
    return;
  }
  bucket.existence.push_back({csn, there, dropped});
  applied.existence_changed.push_back(id);
}

void Model::erase_rows(Applied& applied, Bucket& bucket, std::string_view lo, const std::optional<std::string>& hi) {
  const uint64_t csn = commits_.size() + 1;
  for (auto row = bucket.rows.lower_bound(lo); row != bucket.rows.end() && (!hi || row->first < *hi); ++row) {
    if (!row->second.empty() && !row->second.back().erased) {
      set(applied, row->second, {csn, true, {}});
    }
  }
}

std::vector<const Write*> Model::effective_writes(const TxnLog& transaction) const {
  std::vector<const Write*> effective;
  const auto made = [&](BucketId bucket) {
    return std::ranges::any_of(effective, [bucket](const Write* write) {
      return write->bucket == bucket && write->kind != Write::Kind::kDropBucket;
    });
  };
  for (const Write& write : transaction.writes) {
    const BucketId bucket = write.bucket;
    if (write.kind == Write::Kind::kDropBucket) {
      std::erase_if(effective, [bucket](const Write* earlier) { return earlier->bucket == bucket; });
      if (!exists(bucket, transaction.snapshot_csn)) {
        continue;
      }
    }
    if (write.kind == Write::Kind::kEraseRange && write.hi && *write.hi <= write.key) {
      continue;  // an empty range is no write
    }
    if (write.kind == Write::Kind::kEraseRange && !made(bucket)) {
      const bool dropped = std::ranges::any_of(effective, [bucket](const Write* earlier) {
        return earlier->bucket == bucket && earlier->kind == Write::Kind::kDropBucket;
      });
      // On a bucket that the transaction does not see it does nothing, even if the bucket is there by now.
      if (dropped || !exists(bucket, transaction.snapshot_csn)) {
        continue;
      }
    }
    effective.push_back(&write);
  }
  return effective;
}

Verdict Model::apply(const TxnLog& transaction) {
  const uint64_t csn = commits_.size() + 1;
  Applied applied;
  applied.id = transaction.id;
  applied.who = transaction.who;
  const std::vector<const Write*> writes = effective_writes(transaction);
  for (const Write* each : writes) {
    const Write& write = *each;
    Bucket& bucket = buckets_[write.bucket];
    const bool there = !bucket.existence.empty() && bucket.existence.back().there;
    switch (write.kind) {
      case Write::Kind::kPut:
        if (!there) {
          set_existence(applied, write.bucket, true);
        }
        set(applied, bucket.rows[write.key], {csn, false, write.value});
        break;
      case Write::Kind::kErase: {
        const auto row = bucket.rows.find(write.key);
        if (row != bucket.rows.end() && !row->second.empty() && !row->second.back().erased) {
          set(applied, row->second, {csn, true, {}});
        }
        break;
      }
      case Write::Kind::kEraseRange: erase_rows(applied, bucket, write.key, write.hi); break;
      case Write::Kind::kCreateBucket: set_existence(applied, write.bucket, true); break;
      case Write::Kind::kDropBucket:
        erase_rows(applied, bucket, {}, std::nullopt);
        set_existence(applied, write.bucket, false);
        break;
    }
  }
  Verdict verdict = transaction.blind ? std::nullopt : lost_update(transaction, writes, applied);
  Verdict of_streams = streams_.apply(transaction, csn);
  if (!verdict) {
    verdict = std::move(of_streams);
  }
  Verdict of_projections = projections_.apply(transaction, csn);
  if (!verdict) {
    verdict = std::move(of_projections);
  }
  commits_.push_back(std::move(applied));
  return verdict;
}

Verdict Model::lost_update(const TxnLog& transaction, const std::vector<const Write*>& writes,
                           const Applied& applied) const {
  const uint64_t csn = commits_.size() + 1;
  const uint64_t seen = transaction.snapshot_csn;
  const auto object = [&](uint64_t other, std::string_view what) {
    return "lost update: " + transaction.who + " (transaction " + std::to_string(transaction.id) +
           ") read the state after commit " + std::to_string(seen) + " and became commit " + std::to_string(csn) +
           ", but " + describe_commit(other) + " changed " + std::string(what) + " in between; expected a conflict";
  };
  for (const Versions* versions : applied.touched) {
    if (versions->size() >= 2 && (*versions)[versions->size() - 2].csn > seen) {
      const uint64_t other = (*versions)[versions->size() - 2].csn;
      for (const Bucket& bucket : buckets_) {
        for (const auto& [key, of_key] : bucket.rows) {
          if (&of_key == versions) {
            return object(other, "key " + quoted(key) + " of bucket \"" + bucket.name + "\"");
          }
        }
      }
    }
  }
  for (const Write* each : writes) {
    const Write& write = *each;
    const Bucket& bucket = buckets_[write.bucket];
    for (const Existence& change : std::views::reverse(bucket.existence)) {
      if (change.csn >= csn) {
        continue;
      }
      if (change.csn <= seen) {
        break;
      }
      const bool created_twice = write.kind == Write::Kind::kCreateBucket && change.there;
      if (change.was_dropped || created_twice || write.kind == Write::Kind::kDropBucket) {
        return object(change.csn, "the existence of bucket \"" + bucket.name + "\"");
      }
    }
  }
  return std::nullopt;
}

void Model::undo() {
  CHECK(!commits_.empty());
  streams_.undo(commits_.size());
  projections_.undo(commits_.size());
  const Applied& applied = commits_.back();
  for (Versions* versions : applied.touched) {
    versions->pop_back();
  }
  for (const BucketId bucket : applied.existence_changed) {
    buckets_[bucket].existence.pop_back();
  }
  commits_.pop_back();
}

std::string Model::describe_commit(uint64_t csn) const {
  if (csn == 0 || csn > commits_.size()) {
    return "commit " + std::to_string(csn);
  }
  const Applied& applied = commits_[csn - 1];
  return "commit " + std::to_string(csn) + " (transaction " + std::to_string(applied.id) + " of " + applied.who + ")";
}

const ValueMark* Model::get(BucketId bucket, std::string_view key, uint64_t csn) const {
  const Rows& rows = buckets_[bucket].rows;
  const auto found = rows.find(key);
  if (found == rows.end()) {
    return nullptr;
  }
  const Version* version = version_at(found->second, csn);
  return version == nullptr || version->erased ? nullptr : &version->value;
}

bool Model::exists(BucketId bucket, uint64_t csn) const {
  for (const Existence& change : std::views::reverse(buckets_[bucket].existence)) {
    if (change.csn <= csn) {
      return change.there;
    }
  }
  return false;
}

std::vector<std::string> Model::bucket_names(uint64_t csn) const {
  std::vector<std::string> names;
  for (const auto& [name, id] : ids_) {
    if (exists(id, csn)) {
      names.push_back(name);
    }
  }
  return names;
}

std::optional<Model::Found> Model::at_or_after(BucketId bucket, std::string_view key, bool strictly,
                                               uint64_t csn) const {
  const Rows& rows = buckets_[bucket].rows;
  for (auto row = strictly ? rows.upper_bound(key) : rows.lower_bound(key); row != rows.end(); ++row) {
    const Version* version = version_at(row->second, csn);
    if (version != nullptr && !version->erased) {
      return Found{row->first, &version->value};
    }
  }
  return std::nullopt;
}

std::optional<Model::Found> Model::before(BucketId bucket, std::optional<std::string_view> key, uint64_t csn) const {
  const Rows& rows = buckets_[bucket].rows;
  for (auto row = key ? rows.lower_bound(*key) : rows.end(); row != rows.begin();) {
    --row;
    const Version* version = version_at(row->second, csn);
    if (version != nullptr && !version->erased) {
      return Found{row->first, &version->value};
    }
  }
  return std::nullopt;
}

uint64_t Model::row_count(uint64_t csn) const {
  uint64_t count = 0;
  for (const Bucket& bucket : buckets_) {
    for (const auto& [key, versions] : bucket.rows) {
      const Version* version = version_at(versions, csn);
      count += version != nullptr && !version->erased ? 1U : 0U;
    }
  }
  return count;
}

uint64_t Model::payload_bytes(uint64_t csn) const {
  uint64_t bytes = 0;
  for (const Bucket& bucket : buckets_) {
    for (const auto& [key, versions] : bucket.rows) {
      const Version* version = version_at(versions, csn);
      bytes += version != nullptr && !version->erased ? key.size() + version->value.bytes : 0;
    }
  }
  return bytes;
}

std::string Model::describe_value(BucketId bucket, std::string_view key, uint64_t csn) const {
  const Rows& rows = buckets_[bucket].rows;
  const auto found = rows.find(key);
  const Version* version = found == rows.end() ? nullptr : version_at(found->second, csn);
  if (version == nullptr) {
    return "nothing (no commit up to " + std::to_string(csn) + " wrote it)";
  }
  return (version->erased ? "nothing (erased by " : version->value.to_string() + " (written by ") +
         describe_commit(version->csn) + ")";
}

}  // namespace holdfast::sim
