#include "db/stream_verify.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "db/stream_proof.h"
#include "db/stream_slice.h"
#include "format/stream_segment.h"

namespace holdfast {

std::string_view tamper_name(Tamper tamper) {
  switch (tamper) {
    case Tamper::kChanged: return "changed";
    case Tamper::kRemoved: return "removed";
    case Tamper::kReordered: return "reordered";
    case Tamper::kTruncated: return "truncated";
    case Tamper::kForked: return "forked";
    case Tamper::kForeign: return "foreign";
    case Tamper::kUnreadable: return "unreadable";
  }
  return "unknown";
}

inline namespace HOLDFAST_FLAVOR {

namespace {

// What a thread takes at a time.
constexpr uint64_t kSliceRecords = 64 * format::kBlockRecords;

class Verification {
 public:
  Verification(ReadState& state, const FoundStream& stream, const VerifyOptions& options)
      : state_(state), stream_(stream), options_(options) {}

  Result<VerifyReport> run() {
    report_.to = std::min(options_.to, stream_.head.next_offset);
    report_.from = std::min(std::max(options_.from, stream_.first_offset), report_.to);
    next_ = report_.from < report_.to ? StreamSlice::find_anchor(stream_, report_.from) : report_.to;
    total_ = report_.to - next_;
    HOLDFAST_TRY(run_threads());
    if (failure_) {
      return fail(*failure_);
    }
    if (!report_.finding && !report_.stopped) {
      HOLDFAST_TRY(compare_with_trusted());
    }
    return std::move(report_);
  }

 private:
  Result<void> run_threads() {
    const uint64_t slices = (total_ + kSliceRecords - 1) / kSliceRecords;
    const uint64_t wanted = std::min<uint64_t>({options_.threads, kVerifyThreadsMax, slices});
    Threads* const threads = state_.database().threads();
    std::vector<std::unique_ptr<Thread>> running;
    Result<void> started;
    for (uint64_t thread = 1; threads != nullptr && thread < wanted && started; ++thread) {
      auto one = threads->start("holdfast-verify", [this] {
        PageReader pages = state_.database().store().clone_reader(state_.reader());
        work(pages, false);
      });
      if (one) {
        running.push_back(std::move(*one));
      } else {
        started = fail(std::move(one).error());
      }
    }
    work(state_.reader(), true);
    for (const auto& thread : running) {
      thread->join();
    }
    return started;
  }

  // Takes slices until there are none; the asking thread also tells how far all are.
  void work(PageReader& pages, bool tells) {
    StreamSlice slice(state_.database(), pages, stream_);
    const auto go_on = [&](uint64_t records) {
      uint64_t done = 0;
      {
        const sync::Lock lock(mutex_);
        done = done_ += records;
      }
      if (tells && options_.progress && !options_.progress(std::min(done, total_), total_)) {
        const sync::Lock lock(mutex_);
        report_.stopped = true;
      }
      const sync::Lock lock(mutex_);
      return !report_.stopped;
    };
    for (;;) {
      uint64_t from = 0;
      uint64_t to = 0;
      {
        const sync::Lock lock(mutex_);
        if (report_.stopped || report_.finding || failure_ || next_ >= report_.to) {
          break;
        }
        from = next_;
        to = next_ = std::min((next_ / kSliceRecords + 1) * kSliceRecords, report_.to);
      }
      const auto checked = slice.check(from, to, go_on);
      const sync::Lock lock(mutex_);
      if (!checked) {
        failure_ = checked.error();
      }
      if (slice.finding()) {
        if (!report_.finding || slice.finding()->offset < report_.finding->offset) {
          report_.finding = slice.finding();
        }
        break;
      }
    }
    const sync::Lock lock(mutex_);
    report_.records += slice.counts().records;
    report_.redacted += slice.counts().redacted;
    report_.payload_bytes += slice.counts().payload_bytes;
  }

  void finding(uint64_t offset, Tamper kind, std::string what) {
    report_.finding = {.offset = offset, .kind = kind, .file = {}, .position = 0, .what = std::move(what)};
  }

  Result<void> compare_with_trusted() {
    const uint64_t size = stream_.head.next_offset;
    if (options_.trusted_head) {
      const StreamHead& kept = *options_.trusted_head;
      if (kept.next_offset > size) {
        finding(size, Tamper::kTruncated,
                "the head that was kept speaks of " + std::to_string(kept.next_offset) + " records");
        return {};
      }
      HOLDFAST_TRY_ASSIGN(const Hash hash, chain_hash_before(state_, stream_, kept.next_offset));
      if (hash != kept.chain_hash) {
        finding(std::min(report_.from, kept.next_offset), Tamper::kForked,
                "the first " + std::to_string(kept.next_offset) + " records are not those of the head that was kept");
        return {};
      }
    }
    if (options_.trusted_tree) {
      const TreeHead& kept = *options_.trusted_tree;
      if (kept.size > size) {
        finding(size, Tamper::kTruncated,
                "the tree head that was kept speaks of " + std::to_string(kept.size) + " records");
        return {};
      }
      HOLDFAST_TRY_ASSIGN(const Hash root, tree_root_of(state_, stream_, kept.size));
      if (root != kept.root) {
        finding(std::min(report_.from, kept.size), Tamper::kForked,
                "the first " + std::to_string(kept.size) + " records are not those of the tree head that was kept");
      }
    }
    return {};
  }

  ReadState& state_;
  const FoundStream& stream_;
  const VerifyOptions& options_;
  uint64_t total_ = 0;

  sync::Mutex mutex_;  // guards what follows while threads run
  uint64_t next_ = 0;
  uint64_t done_ = 0;
  VerifyReport report_;
  std::optional<Error> failure_;
};

}  // namespace

Result<VerifyReport> verify_stream(ReadState& state, const FoundStream& stream, const VerifyOptions& options) {
  return Verification(state, stream, options).run();
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
