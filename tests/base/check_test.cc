#include "base/check.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(CheckDeathTest, names_the_expression_and_the_place) {
  const int answer = 41;
  EXPECT_DEATH(CHECK(answer == 42), "holdfast: CHECK failed: answer == 42 at .*check_test.cc:[0-9]+");
}

TEST(Check, evaluates_once_and_lets_the_truth_pass) {
  int count = 0;
  CHECK(++count == 1);
  EXPECT_EQ(count, 1);
}

TEST(Check, verify_costs_nothing_where_it_is_off) {
  int count = 0;
  VERIFY(++count == 1);
#ifdef HOLDFAST_VERIFY
  EXPECT_EQ(count, 1);
#else
  EXPECT_EQ(count, 0);
#endif
}

}  // namespace
}  // namespace holdfast
