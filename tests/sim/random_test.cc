// Decisions: independent streams, stable keys, and a hook that can replace any of them.
#include "sim/random.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "sim/trace.h"

namespace holdfast::sim {
namespace {

TEST(Decisions, are_the_same_for_the_same_seed) {
  Decisions first(42);
  Decisions second(42);
  Decisions other(43);
  int differ = 0;
  for (int draw = 0; draw < 100; ++draw) {
    const uint64_t value = first.draw(Stream::kWorkload);
    EXPECT_EQ(value, second.draw(Stream::kWorkload));
    differ += value != other.draw(Stream::kWorkload) ? 1 : 0;
  }
  EXPECT_EQ(differ, 100);
}

TEST(Decisions, of_one_stream_do_not_shift_another) {
  Decisions quiet(1);
  Decisions busy(1);
  for (int draw = 0; draw < 50; ++draw) {
    busy.draw(Stream::kIoError);
  }
  EXPECT_EQ(quiet.draw(Stream::kSchedule), busy.draw(Stream::kSchedule));
  EXPECT_EQ(quiet.at(Stream::kTear, 7), busy.at(Stream::kTear, 7));
}

TEST(Decisions, are_spread_evenly) {
  Decisions decisions(5);
  std::map<uint64_t, int> counts;
  for (int draw = 0; draw < 70'000; ++draw) {
    ++counts[decisions.below(Stream::kWorkload, 7)];
  }
  ASSERT_EQ(counts.size(), 7U);
  for (const auto& [value, count] : counts) {
    EXPECT_NEAR(count, 10'000, 500) << value;
  }
  int yes = 0;
  for (int draw = 0; draw < 10'000; ++draw) {
    yes += decisions.chance(Stream::kWorkload, 1, 20) ? 1 : 0;
    const uint64_t between = decisions.between(Stream::kWorkload, 3, 5);
    EXPECT_TRUE(between >= 3 && between <= 5);
  }
  EXPECT_NEAR(yes, 500, 120);
  EXPECT_FALSE(decisions.chance(Stream::kWorkload, 0, 10));
  EXPECT_TRUE(decisions.chance(Stream::kWorkload, 10, 10));
}

TEST(Trace, tells_runs_apart_by_any_argument) {
  const auto digest = [](uint32_t fiber, EventKind kind, uint64_t a, uint64_t b, uint64_t c, uint64_t hash) {
    Trace trace;
    trace.set_fiber(fiber);
    trace.event(kind, a, b, c, hash);
    trace.event(EventKind::kSync, 1);
    return trace.digest();
  };
  const uint64_t reference = digest(1, EventKind::kWrite, 2, 3, 4, 5);
  EXPECT_EQ(reference, digest(1, EventKind::kWrite, 2, 3, 4, 5));
  EXPECT_NE(reference, digest(2, EventKind::kWrite, 2, 3, 4, 5));
  EXPECT_NE(reference, digest(1, EventKind::kRead, 2, 3, 4, 5));
  EXPECT_NE(reference, digest(1, EventKind::kWrite, 1, 3, 4, 5));
  EXPECT_NE(reference, digest(1, EventKind::kWrite, 2, 1, 4, 5));
  EXPECT_NE(reference, digest(1, EventKind::kWrite, 2, 3, 1, 5));
  EXPECT_NE(reference, digest(1, EventKind::kWrite, 2, 3, 4, 1));
}

TEST(Trace, depends_on_the_order_of_events) {
  Trace first;
  first.event(EventKind::kRead, 1);
  first.event(EventKind::kRead, 2);
  Trace second;
  second.event(EventKind::kRead, 2);
  second.event(EventKind::kRead, 1);
  EXPECT_NE(first.digest(), second.digest());
}

TEST(Trace, prints_one_line_per_event_and_the_same_digest) {
  char* text = nullptr;
  size_t bytes = 0;
  std::FILE* output = open_memstream(&text, &bytes);
  Trace printed;
  Trace silent;
  printed.set_output(output);
  for (Trace* trace : {&printed, &silent}) {
    trace->name_file(3, "tree");
    trace->set_fiber(2);
    trace->event(EventKind::kWrite, 3, 4096, 512, 0xbeef);
    trace->note("here");
  }
  std::fclose(output);
  const std::string lines(text, bytes);
  std::free(text);
  EXPECT_NE(lines.find("f2  write"), std::string::npos) << lines;
  EXPECT_NE(lines.find("tree#3 offset=4096 bytes=512 hash=beef"), std::string::npos) << lines;
  EXPECT_NE(lines.find("# here"), std::string::npos) << lines;
  EXPECT_EQ(printed.digest(), silent.digest());
  EXPECT_EQ(printed.event_count(), 1U);
}

}  // namespace
}  // namespace holdfast::sim
