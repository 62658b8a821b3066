// Crash images of several clients on real threads, with the engine's own threads in the background: what a power cut
// leaves is a beginning of the order of all commits, with everything that was durable.
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <holdfast/holdfast.hpp>

#include "sim/recording_env.h"
#include "tests/reality/crash_images.h"
#include "tests/torture/plan.h"

namespace holdfast::reality {
namespace {

using torture::kClients;

constexpr uint64_t kCommits = 40;  // of each client
constexpr uint64_t kImagesBound = 8;

enum class Mark : uint8_t { kBegun, kDurable };
constexpr uint64_t mark_of(Mark mark, uint32_t client, uint64_t number) {
  return (number * kClients + client) * 2 + static_cast<uint64_t>(mark);
}

// The csn of each client's commits, from the first on.
using Csns = std::array<std::vector<uint64_t>, kClients>;

Options options_of_threads() {
  Options options;
  options.page_bytes = kPageBytesMin;
  options.cache_bytes = uint64_t{1} << 20;
  options.lanes = 2;
  options.checkpoint_wal_bytes = kCheckpointWalBytesMin;
  return options;
}

void run_client(Database& database, sim::IoTrace& trace, uint32_t client, std::vector<uint64_t>& csns) {
  for (uint64_t number = 1; number <= kCommits; ++number) {
    trace.mark(mark_of(Mark::kBegun, client, number));
    const bool waits = (number + client) % 3 != 0;
    const auto committed = database.exec(
        [&](Transaction& transaction) -> Result<void> {
          const torture::PlannedCommit plan = torture::planned(client, number);
          HOLDFAST_TRY(transaction.bucket("last").put(std::to_string(client), std::to_string(number)));
          Bucket rows = transaction.bucket("rows");
          if (plan.erases_first) {
            HOLDFAST_TRY(rows.erase_range(torture::row_key(client, 0), torture::row_key(client, torture::kRowsMax)));
          }
          for (uint32_t index = 0; index < plan.rows; ++index) {
            HOLDFAST_TRY(rows.put(torture::row_key(client, index), torture::row_value(client, number, index)));
          }
          return {};
        },
        Isolation::kSnapshot, waits ? Durability::kDurable : Durability::kDeferred);
    ASSERT_TRUE(committed) << committed.error().to_string();
    csns.push_back(to_int(committed->csn));
    if (waits || (number % 2 == 0 && database.wait_durable(committed->csn))) {
      trace.mark(mark_of(Mark::kDurable, client, number));
    }
  }
}

class ThreadsJudge final : public CrashWatcher {
 public:
  explicit ThreadsJudge(const Csns& csns) : csns_(csns) {}

  void mark(uint64_t number) override {
    const auto client = static_cast<size_t>(number / 2 % kClients);
    const uint64_t commit = number / 2 / kClients;
    if (static_cast<Mark>(number % 2) == Mark::kBegun) {
      begun_[client] = commit;
    } else if (commit > 0) {
      durable_csn_ = std::max(durable_csn_, csns_[client][commit - 1]);
    } else {
      created_ = true;
    }
  }
  bool image(const CrashImage& image) override {
    const auto [found, is_new] = seen_.try_emplace({image.hash, created_});
    if (is_new) {
      found->second = look(image.disk);
    }
    const Seen& seen = found->second;
    EXPECT_EQ(seen.broken, "") << image.description();
    EXPECT_GE(seen.csn, durable_csn_) << image.description();
    for (uint32_t client = 0; client < kClients; ++client) {
      EXPECT_LE(seen.last[client], begun_[client]) << "client " << client << " " << image.description();
    }
    return !testing::Test::HasFailure();
  }
  uint64_t different_images() const { return seen_.size(); }

 private:
  struct Seen {
    std::string broken;
    uint64_t csn = 0;
    std::array<uint64_t, kClients> last{};
  };
  Seen look(const sim::SimDisk& disk) {
    const std::string path = scratch_.path("image");
    materialise(files_of(disk), path);
    Options options = options_of_threads();
    options.create_if_missing = !created_;
    Seen seen;
    auto database = Database::open(path, options);
    if (!database) {
      seen.broken = "opening it answered " + database.error().to_string();
      return seen;
    }
    look(database->snapshot(), seen);
    const auto report = database->check();
    if (!report || !report->damage.empty()) {
      seen.broken = "check: " + (report ? report->damage.front().what : report.error().to_string());
    }
    return seen;
  }
  // It must be the state after the commit whose number it bears.
  void look(const Snapshot& snapshot, Seen& seen) const {
    seen.csn = to_int(snapshot.csn());
    for (uint32_t client = 0; client < kClients; ++client) {
      seen.last[client] =
          static_cast<uint64_t>(std::ranges::count_if(csns_[client], [&](uint64_t csn) { return csn <= seen.csn; }));
      const uint64_t last = seen.last[client];
      expect_row(snapshot.bucket("last"), std::to_string(client),
                 last == 0 ? std::nullopt : std::optional(std::to_string(last)), seen);
      for (uint32_t index = 0; index < torture::kRowsMax; ++index) {
        expect_row(snapshot.bucket("rows"), torture::row_key(client, index), torture::expected_row(client, last, index),
                   seen);
      }
    }
  }
  static void expect_row(const BucketView& bucket, const std::string& key, const std::optional<std::string>& expected,
                         Seen& seen) {
    std::string value;
    const auto found = bucket.get(key, value);
    const bool is_there = found && *found;
    if (is_there != expected.has_value() || (is_there && value != *expected)) {
      seen.broken = "row " + key + " is not that of csn " + std::to_string(seen.csn);
    }
  }

  const Csns& csns_;
  ScratchDirectory scratch_;
  bool created_ = false;
  uint64_t durable_csn_ = 0;
  std::array<uint64_t, kClients> begun_{};
  std::map<std::pair<uint64_t, bool>, Seen> seen_;
};

TEST(CrashImages, of_real_threads_show_a_beginning_of_the_order_of_commits_with_all_that_was_durable) {
  const ScratchDirectory scratch;
  sim::IoTrace trace;
  Csns csns;
  {
    sim::RecordingEnv env(posix_env(), trace);
    Options options = options_of_threads();
    options.env = &env;
    auto database = Database::open(scratch.path("db"), options);
    ASSERT_TRUE(database) << database.error().to_string();
    trace.mark(mark_of(Mark::kDurable, 0, 0));
    std::vector<std::thread> threads;
    threads.reserve(kClients);
    for (uint32_t client = 0; client < kClients; ++client) {
      threads.emplace_back([&, client] { run_client(*database, trace, client, csns[client]); });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    ASSERT_TRUE(database->close());
  }
  ASSERT_EQ(trace.lost_by(), "");
  ThreadsJudge judge(csns);
  const uint64_t moments = play_crashes(trace, {}, kImagesBound, judge);
  sim::TracePlayer player(trace);
  while (!player.done()) {
    player.step();
  }
  EXPECT_EQ(first_difference(files_of(player.disk()), files_of(scratch.path("db"))), "");
  // How commits share a flush differs from run to run.
  EXPECT_GE(moments, 500U);
  EXPECT_GE(judge.different_images(), 800U);
}

}  // namespace
}  // namespace holdfast::reality
