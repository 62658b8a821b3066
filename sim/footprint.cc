#include "sim/footprint.h"

#include <algorithm>

namespace holdfast::sim {

namespace {

using Kind = Step::Kind;

bool only_writes_blindly(const TxnLog& log) {
  return std::ranges::all_of(log.steps, [](const Step& step) { return step.kind == Kind::kPut; });
}

std::optional<std::string_view> view_of(const std::optional<std::string>& text) {
  return text ? std::optional<std::string_view>(*text) : std::nullopt;
}

class Walk {
 public:
  explicit Walk(const ReadVisitor& visitor) : visitor_(visitor) {}

  std::optional<std::string> step(const Step& step) {
    switch (step.kind) {
      case Kind::kGet: return row(step.bucket, step.key, step.found ? &step.value : nullptr);
      case Kind::kContains: return flag(step);
      case Kind::kInsert:
      case Kind::kUpdate:
      case Kind::kPut: return put(step);
      case Kind::kErase: return erase(step);
      case Kind::kEraseRange: own_.erase_range({step.bucket, step.key, view_of(step.hi)}); return std::nullopt;
      case Kind::kDropBucket:
        if (step.found) {
          own_.erase_range({step.bucket, {}, std::nullopt});
        }
        return std::nullopt;
      case Kind::kRange: return scan(step);
      case Kind::kSavepoint: savepoints_.push_back(own_); return std::nullopt;
      case Kind::kRollbackTo:
        savepoints_.resize(static_cast<size_t>(step.limit) + 1);
        own_ = savepoints_.back();
        return std::nullopt;
      case Kind::kCursorFirst:
      case Kind::kCursorLast:
      case Kind::kCursorSeek:
      case Kind::kCursorSeekBefore:
      case Kind::kCursorNext:
      case Kind::kCursorPrev: return rows(step);
      case Kind::kCreateBucket:
      case Kind::kExists:
      case Kind::kBuckets:
      case Kind::kStreamHead:
      case Kind::kReadStream: return std::nullopt;
    }
    return std::nullopt;
  }

 private:
  std::optional<std::string> row(BucketId bucket, std::string_view key, const ValueMark* value) {
    const auto own = own_.find(bucket, key);
    if (!own) {
      visitor_.read({bucket, key, value});
      return std::nullopt;
    }
    if ((value == nullptr) == (own->value == nullptr) && (value == nullptr || *value == *own->value)) {
      return std::nullopt;
    }
    return "read key " + quoted(key) + " = " + (value == nullptr ? "nothing" : value->to_string()) +
           ", but had itself " + (own->value == nullptr ? "erased it" : "written " + own->value->to_string());
  }

  // Only whether the key was there; of others' values it tells something if it was not.
  std::optional<std::string> there(const Step& step, bool was_there) {
    const auto own = own_.find(step.bucket, step.key);
    if (!own && !was_there) {
      visitor_.read({step.bucket, step.key, nullptr});
    }
    if (!own || (own->value != nullptr) == was_there) {
      return std::nullopt;
    }
    return "was told that key " + quoted(step.key) + (was_there ? " is there" : " is not there") + ", but had itself " +
           (own->value == nullptr ? "erased it" : "written " + own->value->to_string());
  }
  std::optional<std::string> flag(const Step& step) { return there(step, step.found); }

  std::optional<std::string> put(const Step& step) {
    std::optional<std::string> bad;
    if (step.kind != Kind::kPut) {
      bad = there(step, step.found == (step.kind == Kind::kUpdate));
    }
    if (step.kind == Kind::kPut || step.found) {
      own_.put(step.bucket, step.key, step.value);
    }
    return bad;
  }

  std::optional<std::string> erase(const Step& step) {
    auto bad = there(step, step.found);
    if (step.found) {
      own_.erase(step.bucket, step.key);
    }
    return bad;
  }

  std::optional<std::string> rows(const Step& step) {
    for (const Row& each : step.rows) {
      if (auto bad = row(step.bucket, each.key, &each.value)) {
        return bad;
      }
    }
    return std::nullopt;
  }

  // A scan that ended early says nothing about what is behind its last row.
  std::optional<std::string> scan(const Step& step) {
    KeyRange seen{step.bucket, step.key, view_of(step.hi)};
    if (!step.complete || step.rows.size() >= step.limit) {
      if (step.rows.empty()) {
        return std::nullopt;
      }
      (step.reversed ? seen.lo : seen.hi.emplace()) = step.rows.back().key;
    }
    visitor_.scan({seen, &step.rows, &own_});
    return rows(step);
  }

  const ReadVisitor& visitor_;
  OwnWrites own_;
  std::vector<OwnWrites> savepoints_;
};

}  // namespace

void OwnWrites::erase_range(const KeyRange& range) {
  for (auto point = points_.lower_bound({range.bucket, range.lo});
       point != points_.end() && point->first.first == range.bucket && range.holds(point->first.second); ++point) {
    point->second = {};
  }
  erased_.push_back(range);
}

std::optional<OwnWrites::Own> OwnWrites::find(BucketId bucket, std::string_view key) const {
  if (const auto point = points_.find({bucket, key}); point != points_.end()) {
    return point->second;
  }
  const bool erased =
      std::ranges::any_of(erased_, [&](const KeyRange& range) { return range.bucket == bucket && range.holds(key); });
  return erased ? std::optional(Own()) : std::nullopt;
}

std::optional<std::string> visit_reads(const TxnLog& log, const ReadVisitor& visitor) {
  if (only_writes_blindly(log)) {
    return std::nullopt;
  }
  Walk walk(visitor);
  for (const Step& step : log.steps) {
    if (auto bad = walk.step(step)) {
      return bad;
    }
  }
  return std::nullopt;
}

}  // namespace holdfast::sim
