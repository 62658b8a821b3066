#include "sim/txn_view.h"

#include <algorithm>

namespace holdfast::sim {

const TxnView::Own* TxnView::own(BucketId bucket) const {
  const auto found = own_.find(bucket);
  return found == own_.end() ? nullptr : &found->second;
}

const ValueMark* TxnView::get(BucketId bucket, std::string_view key) const {
  const Own* mine = own(bucket);
  if (mine != nullptr) {
    if (const auto found = mine->rows.find(key); found != mine->rows.end()) {
      return found->second ? &*found->second : nullptr;
    }
    if (mine->hides_model) {
      return nullptr;
    }
  }
  return model_.get(bucket, key, csn_);
}

bool TxnView::exists(BucketId bucket) const {
  const Own* mine = own(bucket);
  return mine != nullptr && mine->there ? *mine->there : model_.exists(bucket, csn_);
}

std::vector<std::string> TxnView::bucket_names() const {
  std::vector<std::string> names;
  for (BucketId bucket = 0; bucket < model_.bucket_count(); ++bucket) {
    if (exists(bucket)) {
      names.push_back(model_.bucket_name(bucket));
    }
  }
  std::ranges::sort(names);
  return names;
}

std::optional<Model::Found> TxnView::at_or_after(BucketId bucket, std::string_view key, bool strictly) const {
  const Own* mine = own(bucket);
  if (mine == nullptr) {
    return model_.at_or_after(bucket, key, strictly, csn_);
  }
  auto point = strictly ? mine->rows.upper_bound(key) : mine->rows.lower_bound(key);
  std::optional<Model::Found> base;
  if (!mine->hides_model) {
    base = model_.at_or_after(bucket, key, strictly, csn_);
  }
  for (;;) {
    const bool have_point = point != mine->rows.end();
    if (!have_point && !base) {
      return std::nullopt;
    }
    if (have_point && (!base || std::string_view(point->first) <= base->key)) {
      if (point->second) {
        return Model::Found{point->first, &*point->second};
      }
      if (base && base->key == point->first) {
        base = model_.at_or_after(bucket, base->key, true, csn_);
      }
      ++point;
      continue;
    }
    return base;
  }
}

std::optional<Model::Found> TxnView::before(BucketId bucket, std::optional<std::string_view> key) const {
  const Own* mine = own(bucket);
  if (mine == nullptr) {
    return model_.before(bucket, key, csn_);
  }
  auto behind = key ? mine->rows.lower_bound(*key) : mine->rows.end();
  std::optional<Model::Found> base;
  if (!mine->hides_model) {
    base = model_.before(bucket, key, csn_);
  }
  for (;;) {
    const bool have_point = behind != mine->rows.begin();
    if (!have_point && !base) {
      return std::nullopt;
    }
    if (have_point) {
      const auto point = std::prev(behind);
      if (!base || std::string_view(point->first) >= base->key) {
        if (point->second) {
          return Model::Found{point->first, &*point->second};
        }
        if (base && base->key == point->first) {
          base = model_.before(bucket, base->key, csn_);
        }
        behind = point;
        continue;
      }
    }
    return base;
  }
}

void TxnView::put(BucketId bucket, std::string_view key, const ValueMark& value) {
  Own& mine = own_[bucket];
  mine.there = true;
  mine.rows.insert_or_assign(std::string(key), value);
}

void TxnView::erase(BucketId bucket, std::string_view key) {
  own_[bucket].rows.insert_or_assign(std::string(key), std::nullopt);
}

void TxnView::erase_range(BucketId bucket, std::string_view lo, const std::optional<std::string>& hi) {
  std::string from(lo);
  for (bool strictly = false;; strictly = true) {
    const auto found = at_or_after(bucket, from, strictly);
    if (!found || (hi && found->key >= *hi)) {
      return;
    }
    from = found->key;
    erase(bucket, from);
  }
}

void TxnView::create_bucket(BucketId bucket) { own_[bucket].there = true; }

void TxnView::drop_bucket(BucketId bucket) {
  Own& mine = own_[bucket];
  mine.hides_model = true;
  mine.there = false;
  mine.rows.clear();
}

void TxnView::rollback_to(size_t savepoint) {
  savepoints_.resize(savepoint + 1);
  own_ = savepoints_.back();
}

}  // namespace holdfast::sim
