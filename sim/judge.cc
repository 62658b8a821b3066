// Model::judge and judge_rows: every answer of the engine is computed again from the model.
#include "sim/model.h"
#include "sim/txn_view.h"

namespace holdfast::sim {

namespace {

class Judge {
 public:
  Judge(const Model& model, const TxnLog& log, uint64_t csn) : model_(model), log_(log), csn_(csn), view_(model, csn) {}

  Verdict all() {
    for (const Step& step : log_.steps) {
      if (Verdict verdict = one(step)) {
        return log_.who + (log_.id == 0 ? ", a snapshot" : ", transaction " + std::to_string(log_.id)) +
               ", reading the state after commit " + std::to_string(csn_) +
               (csn_ == log_.snapshot_csn ? "" : " (serializable: it committed right after that)") + ": " + *verdict;
      }
    }
    return std::nullopt;
  }

 private:
  std::string place(const Step& step) const { return "bucket \"" + model_.bucket_name(step.bucket) + "\""; }
  std::string expected_value(const Step& step, std::string_view key, const ValueMark* value) const {
    if (value != nullptr && value != model_.get(step.bucket, key, csn_)) {
      return value->to_string() + " (written by the transaction itself)";
    }
    return value == nullptr && model_.get(step.bucket, key, csn_) != nullptr
               ? "nothing (erased by the transaction itself)"
               : model_.describe_value(step.bucket, key, csn_);
  }
  Verdict flag(const Step& step, const char* what, bool expected) const {
    if (step.found == expected) {
      return std::nullopt;
    }
    return std::string(what) + " of key " + quoted(step.key) + " in " + place(step) + " answered " +
           (step.found ? "yes" : "no") + ", expected " + (expected ? "yes" : "no") + ": the key holds " +
           expected_value(step, step.key, view_.get(step.bucket, step.key));
  }
  Verdict row(const Step& step, const char* what, const Row* got, const std::optional<Model::Found>& expected) const {
    if (got == nullptr && !expected) {
      return std::nullopt;
    }
    if (got != nullptr && expected && got->key == expected->key && got->value == *expected->value) {
      return std::nullopt;
    }
    std::string text = std::string(what) + " in " + place(step) + " gave ";
    text += got == nullptr ? "no row" : "row " + quoted(got->key) + " = " + got->value.to_string();
    text += ", expected ";
    text += !expected ? "no row"
                      : "row " + quoted(expected->key) + " = " + expected_value(step, expected->key, expected->value);
    return text;
  }

  Verdict one(const Step& step) {
    using Kind = Step::Kind;
    const ValueMark* held = nullptr;
    switch (step.kind) {
      case Kind::kGet: {
        held = view_.get(step.bucket, step.key);
        if (step.found == (held != nullptr) && (held == nullptr || *held == step.value)) {
          return std::nullopt;
        }
        return "get of key " + quoted(step.key) + " in " + place(step) + " gave " +
               (step.found ? step.value.to_string() : "nothing") + ", expected " + expected_value(step, step.key, held);
      }
      case Kind::kContains: return flag(step, "contains", view_.get(step.bucket, step.key) != nullptr);
      case Kind::kPut: view_.put(step.bucket, step.key, step.value); return std::nullopt;
      case Kind::kInsert:
        held = view_.get(step.bucket, step.key);
        if (Verdict verdict = flag(step, "insert", held == nullptr)) {
          return verdict;
        }
        if (step.found) {
          view_.put(step.bucket, step.key, step.value);
        }
        return std::nullopt;
      case Kind::kUpdate:
        held = view_.get(step.bucket, step.key);
        if (Verdict verdict = flag(step, "update", held != nullptr)) {
          return verdict;
        }
        if (step.found) {
          view_.put(step.bucket, step.key, step.value);
        }
        return std::nullopt;
      case Kind::kErase:
        if (Verdict verdict = flag(step, "erase", view_.get(step.bucket, step.key) != nullptr)) {
          return verdict;
        }
        if (step.found) {
          view_.erase(step.bucket, step.key);
        }
        return std::nullopt;
      case Kind::kEraseRange: view_.erase_range(step.bucket, step.key, step.hi); return std::nullopt;
      case Kind::kRange: return range(step);
      case Kind::kCreateBucket:
        if (Verdict verdict = existence(step, "create_bucket", !view_.exists(step.bucket))) {
          return verdict;
        }
        if (step.found) {
          view_.create_bucket(step.bucket);
        }
        return std::nullopt;
      case Kind::kDropBucket:
        if (Verdict verdict = existence(step, "drop_bucket", view_.exists(step.bucket))) {
          return verdict;
        }
        if (step.found) {
          view_.drop_bucket(step.bucket);
        }
        return std::nullopt;
      case Kind::kExists: return existence(step, "exists", view_.exists(step.bucket));
      case Kind::kBuckets: return buckets(step);
      case Kind::kSavepoint: view_.savepoint(); return std::nullopt;
      case Kind::kRollbackTo: view_.rollback_to(static_cast<size_t>(step.limit)); return std::nullopt;
      case Kind::kCursorFirst: return moved(step, "cursor first", view_.at_or_after(step.bucket, {}, false));
      case Kind::kCursorLast: return moved(step, "cursor last", view_.before(step.bucket, std::nullopt));
      case Kind::kCursorSeek: return moved(step, "cursor seek", view_.at_or_after(step.bucket, step.key, false));
      case Kind::kCursorSeekBefore: return moved(step, "cursor seek_before", view_.before(step.bucket, step.key));
      case Kind::kCursorNext:
        return moved(step, "cursor next", view_.at_or_after(step.bucket, cursors_[step.bucket], true));
      case Kind::kCursorPrev: return moved(step, "cursor prev", view_.before(step.bucket, cursors_[step.bucket]));
      // Of streams a transaction sees the snapshot, without its own events.
      case Kind::kStreamHead: return model_.streams().judge_head(step, csn_);
      case Kind::kReadStream: return model_.streams().judge_read(step, csn_);
    }
    return std::nullopt;
  }

  Verdict existence(const Step& step, const char* what, bool expected) const {
    if (step.found == expected) {
      return std::nullopt;
    }
    return std::string(what) + " of " + place(step) + " answered " + (step.found ? "yes" : "no") + ", expected " +
           (expected ? "yes" : "no");
  }

  Verdict buckets(const Step& step) const {
    const std::vector<std::string> expected = view_.bucket_names();
    const auto listed = [](const auto& names, auto name_of) {
      std::string text;
      for (const auto& name : names) {
        text += (text.empty() ? "" : ", ") + name_of(name);
      }
      return text;
    };
    const std::string got_text = listed(step.rows, [](const Row& row) { return row.key; });
    const std::string expected_text = listed(expected, [](const std::string& name) { return name; });
    if (got_text == expected_text) {
      return std::nullopt;
    }
    return "the list of buckets was [" + got_text + "], expected [" + expected_text + "]";
  }

  Verdict range(const Step& step) const {
    const bool reversed = step.reversed;
    std::optional<Model::Found> expected =
        reversed ? view_.before(step.bucket, step.hi ? std::optional<std::string_view>(*step.hi) : std::nullopt)
                 : view_.at_or_after(step.bucket, step.key, false);
    const auto inside = [&](const Model::Found& found) {
      return reversed ? found.key >= step.key : !step.hi || found.key < *step.hi;
    };
    const char* what = reversed ? "reverse scan" : "scan";
    for (const Row& got : step.rows) {
      if (expected && !inside(*expected)) {
        expected = std::nullopt;
      }
      if (Verdict verdict = row(step, what, &got, expected)) {
        return verdict;
      }
      expected =
          reversed ? view_.before(step.bucket, expected->key) : view_.at_or_after(step.bucket, expected->key, true);
    }
    if (!step.complete || step.rows.size() == step.limit) {
      return std::nullopt;
    }
    return row(step, what, nullptr, expected && inside(*expected) ? expected : std::nullopt);
  }

  Verdict moved(const Step& step, const char* what, const std::optional<Model::Found>& expected) {
    if (Verdict verdict = row(step, what, step.found ? step.rows.data() : nullptr, expected)) {
      return verdict;
    }
    cursors_[step.bucket] = expected ? expected->key : std::string_view();
    return std::nullopt;
  }

  const Model& model_;
  const TxnLog& log_;
  uint64_t csn_;
  TxnView view_;
  std::map<BucketId, std::string> cursors_;  // where the cursor of each bucket stands
};

}  // namespace

Verdict Model::judge(const TxnLog& log, uint64_t csn) const { return Judge(*this, log, csn).all(); }

Verdict Model::judge_rows(BucketId bucket, std::span<const Row> rows, bool reversed, bool complete,
                          uint64_t csn) const {
  const auto object = [&](const std::string& what) {
    return (reversed ? "backwards scan of bucket \"" : "scan of bucket \"") + bucket_name(bucket) + "\" after commit " +
           std::to_string(csn) + ": " + what;
  };
  std::optional<Found> expected = reversed ? before(bucket, std::nullopt, csn) : at_or_after(bucket, {}, false, csn);
  for (const Row& row : rows) {
    if (!expected || (reversed ? row.key > expected->key : row.key < expected->key)) {
      return object("found row " + quoted(row.key) + " = " + row.value.to_string() + ", expected " +
                    describe_value(bucket, row.key, csn));
    }
    if (row.key != expected->key) {
      return object("row " + quoted(expected->key) + " is missing, expected " +
                    describe_value(bucket, expected->key, csn) + "; the next row is " + quoted(row.key));
    }
    if (!(row.value == *expected->value)) {
      return object("row " + quoted(row.key) + " = " + row.value.to_string() + ", expected " +
                    describe_value(bucket, row.key, csn));
    }
    expected = reversed ? before(bucket, expected->key, csn) : at_or_after(bucket, expected->key, true, csn);
  }
  if (complete && expected) {
    return object("row " + quoted(expected->key) + " is missing, expected " +
                  describe_value(bucket, expected->key, csn) + "; the scan had ended");
  }
  return std::nullopt;
}

}  // namespace holdfast::sim
