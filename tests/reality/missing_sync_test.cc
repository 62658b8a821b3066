// The crash images can fail: a sync that is left out of the trace, as if the engine had not called it, leaves images
// that break a promise.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/reality/judge.h"

namespace holdfast::reality {
namespace {

using sim::TracedOperation;
using Kind = TracedOperation::Kind;
using Operations = std::vector<TracedOperation>;
using Which = bool (*)(const Operations&, size_t);

constexpr size_t kHeaderBytes = 512;  // of a file of the log; and of each copy of a meta page

bool is_meta_write(const TracedOperation& operation) {
  return operation.kind == Kind::kWrite && operation.name == "tree" && operation.data.size() == kHeaderBytes;
}
// The last write to the file of this sync, if it was not synced since; null: nothing is new in it.
const TracedOperation* newest_write(const Operations& all, size_t index) {
  for (size_t at = index; at-- > 0;) {
    if (all[at].file == all[index].file && (all[at].kind == Kind::kWrite || all[at].kind == Kind::kSync)) {
      return all[at].kind == Kind::kWrite ? &all[at] : nullptr;
    }
  }
  return nullptr;
}
bool syncs(const Operations& all, size_t index, std::string_view prefix) {
  return all[index].kind == Kind::kSync && all[index].name.starts_with(prefix);
}

// What is wrong with an image of some program, if its syncs of this kind are left out of the trace; empty: nothing.
std::string failure_without(Which which) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    Recording recording;
    record(seed, kSteps, recording);
    const Operations& all = recording.trace.operations();
    std::set<size_t> left_out;
    for (size_t index = 0; index < all.size(); ++index) {
      if (all[index].is_sync() && which(all, index)) {
        left_out.insert(index);
      }
    }
    Judge judge(recording, Judge::Until::kFirstFailure);
    play_crashes(recording.trace, left_out, kBound, judge);
    if (judge.failures() > 0) {
      return judge.first_failure();
    }
  }
  return {};
}

TEST(CrashImages, miss_commits_whose_log_was_not_synced_before_the_acknowledgement) {
  EXPECT_NE(failure_without([](const Operations& all, size_t index) {
              const TracedOperation* const write = newest_write(all, index);
              return syncs(all, index, "wal-") && write != nullptr && write->offset > 0;
            }),
            "");
}

TEST(CrashImages, miss_pages_that_were_not_synced_before_the_meta_page) {
  EXPECT_NE(failure_without([](const Operations& all, size_t index) {
              const TracedOperation* const write = newest_write(all, index);
              return all[index].name == "tree" && write != nullptr && !is_meta_write(*write);
            }),
            "");
}

TEST(CrashImages, miss_a_checkpoint_whose_meta_page_was_not_synced) {
  EXPECT_NE(failure_without([](const Operations& all, size_t index) {
              const TracedOperation* const write = newest_write(all, index);
              return all[index].name == "tree" && write != nullptr && is_meta_write(*write);
            }),
            "");
}

TEST(CrashImages, miss_files_whose_names_were_not_synced) {
  EXPECT_NE(
      failure_without([](const Operations& all, size_t index) { return all[index].kind == Kind::kSyncDirectory; }), "");
}

TEST(CrashImages, miss_the_names_of_streams_that_were_not_synced) {
  EXPECT_NE(failure_without([](const Operations& all, size_t index) {
              if (all[index].kind != Kind::kSyncDirectory) {
                return false;
              }
              // The names that it would make durable: those created since the last one.
              for (size_t end = index; end > 0 && all[end - 1].kind != Kind::kSyncDirectory; --end) {
                if (all[end - 1].kind == Kind::kCreate && all[end - 1].name.starts_with("stream-")) {
                  return true;
                }
              }
              return false;
            }),
            "");
}

TEST(CrashImages, miss_events_that_were_not_synced_before_the_checkpoint) {
  EXPECT_NE(failure_without([](const Operations& all, size_t index) { return syncs(all, index, "stream-"); }), "");
}

TEST(CrashImages, miss_files_that_were_not_synced_before_they_got_their_names) {
  EXPECT_NE(failure_without([](const Operations& all, size_t index) { return all[index].name.ends_with(".new"); }), "");
}

TEST(CrashImages, miss_headers_of_the_log_that_were_not_synced) {
  EXPECT_NE(failure_without([](const Operations& all, size_t index) {
              const TracedOperation* const write = newest_write(all, index);
              return syncs(all, index, "wal-") && write != nullptr && write->data.size() == kHeaderBytes;
            }),
            "");
}

}  // namespace
}  // namespace holdfast::reality
