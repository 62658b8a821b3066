// The oracle's search for an order of the transactions in doubt.
#include "sim/oracle.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::sim {
namespace {

// Commits in doubt that all write the same key, so that only the last one of an order can be told.
class DoubtsAboutOneKey : public testing::Test {
 protected:
  DoubtsAboutOneKey() {
    for (uint64_t number = 1; number <= kCommits; ++number) {
      const auto log = std::make_shared<TxnLog>();
      log->id = oracle_.next_transaction_id();
      log->who = "client " + std::to_string(number);
      log->blind = true;
      log->put(bucket_, "key", value(number));
      oracle_.committing(log);
    }
    oracle_.crashed();
  }
  static std::string value(uint64_t number) { return "of " + std::to_string(number); }
  // What a recovered database shows in which this value was committed last.
  Contents showing(const std::string& last) const {
    Contents contents;
    contents.csn = kCommits;
    contents.buckets_complete = contents.streams_complete = true;
    contents.buckets.push_back({.bucket = bucket_, .rows = {{"key", ValueMark::of(last)}}, .complete = true});
    return contents;
  }

  static constexpr uint64_t kCommits = 9;
  Oracle oracle_;
  BucketId bucket_ = oracle_.model().bucket("bucket0");
};

// The orders that begin with the first commit, which is the last one here, are tried in vain: more than 100,000 steps.
TEST_F(DoubtsAboutOneKey, an_order_is_found_however_many_are_tried_before) {
  EXPECT_EQ(oracle_.probed(showing(value(1))).value_or("explained"), "explained");
}

TEST_F(DoubtsAboutOneKey, a_value_that_nobody_wrote_has_no_order) {
  const Verdict verdict = oracle_.probed(showing("of nobody"));
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->find("gave up"), std::string::npos) << *verdict;
}

}  // namespace
}  // namespace holdfast::sim
