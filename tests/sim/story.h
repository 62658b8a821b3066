// Story: a history told by hand, for the tests of the isolation checker.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <holdfast/options.h>

#include "sim/isolation.h"

namespace holdfast::sim {

inline constexpr BucketId kBucket = 0;
inline constexpr auto kNoLimit = std::numeric_limits<uint64_t>::max();

using Rows = std::map<std::string, std::string>;

inline Contents contents_of(const Rows& rows) {
  Contents contents;
  contents.buckets.push_back({kBucket, {}, true});
  for (const auto& [key, value] : rows) {
    contents.buckets.front().rows.push_back({key, ValueMark::of(value)});
  }
  return contents;
}

// A history, told in order. Attempts overlap between their begin() and what ends them.
class Story {
 public:
  using Log = std::shared_ptr<TxnLog>;
  explicit Story(const Rows& before = {{"x", "x0"}, {"y", "y0"}}) { history_.end_life(contents_of(before)); }

  Log begin(Isolation isolation = Isolation::kSnapshot) {
    Log log = std::make_shared<TxnLog>();
    log->id = next_id_++;
    log->who = "tester";
    log->asked = history_.next_moment();
    log->serializable = isolation == Isolation::kSerializable;
    return log;
  }
  // Only its answer ends the commit: others may be answered before.
  void ask_to_commit(const Log& log) { history_.committing(log); }
  void answer(const Log& log) { history_.committed(log->id); }
  void commit(const Log& log) {
    ask_to_commit(log);
    answer(log);
  }
  void refuse(const Log& log) {
    ask_to_commit(log);
    history_.refused(log->id);
  }
  void give_up(const Log& log) { history_.looked(log); }
  // One transaction that puts a value, from begin to answer.
  void put(const std::string& key, const std::string& value) {
    const Log log = begin();
    log->put(kBucket, key, value);
    commit(log);
  }

  Log snapshot() {
    Log log = begin();
    log->id = 0;
    log->cut = log->asked;
    log->shown = history_.next_moment();
    return log;
  }
  // The same snapshot, read once more.
  static Log again(const Log& snapshot) {
    Log log = std::make_shared<TxnLog>(*snapshot);
    log->steps.clear();
    return log;
  }
  void looked(const Log& snapshot) { history_.looked(snapshot); }

  std::optional<std::string> end(const Rows& after) {
    const Contents contents = contents_of(after);
    return check_isolation(history_.end_life(contents), contents, [](BucketId) { return std::string("users"); });
  }
  void expect_clean(const Rows& after) {
    const auto bad = end(after);
    EXPECT_EQ(bad, std::nullopt) << *bad;
  }
  void expect(const std::string& name, const Rows& after) {
    const auto bad = end(after);
    ASSERT_TRUE(bad.has_value());
    EXPECT_THAT(*bad, testing::HasSubstr(name));
  }

 private:
  History history_;
  uint64_t next_id_ = 1;
};

inline void read(const Story::Log& log, const std::string& key, const std::string& value) {
  log->get(kBucket, key, value);
}
inline void miss(const Story::Log& log, const std::string& key) { log->get(kBucket, key, std::nullopt); }
inline void write(const Story::Log& log, const std::string& key, const std::string& value) {
  log->put(kBucket, key, value);
}
inline void scan(const Story::Log& log, const Rows& rows, uint64_t limit = kNoLimit) {
  Step& step = log->steps.emplace_back();
  step.kind = Step::Kind::kRange;
  step.bucket = kBucket;
  step.limit = limit;
  for (const auto& [key, value] : rows) {
    step.rows.push_back({key, ValueMark::of(value)});
  }
}

}  // namespace holdfast::sim
