#include "db/recovery.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <span>
#include <utility>

#include "base/planted.h"
#include "db/apply.h"
#include "db/replay_batch.h"
#include "wal/lane.h"
#include "wal/lane_scan.h"
#include "wal/record_reader.h"
#include "wal/recovery_plan.h"
#include "wal/slot_file.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

// One generation takes in so many bytes of redo.
constexpr uint64_t kBatchBytes = uint64_t{64} << 20;
// A lane has about so many segments up to the limit of the log.
constexpr uint64_t kSegmentsPerLane = 4;
// More lanes make smaller groups: with 4, 16 and 64 threads one lane was faster than two or four.
constexpr uint16_t kLanesDefault = 1;
constexpr int kLooksAgain = 3;
constexpr std::string_view kKeptPrefix = "cut-";

class Recovery {
 public:
  Recovery(Env& env, Directory& directory, PageStore& store, Streams& streams, const Options& options,
           RecoveryReport& report)
      : env_(env),
        directory_(directory),
        store_(store),
        streams_(streams),
        options_(options),
        report_(report),
        old_(store.meta().log),
        checkpoint_csn_(store.meta().csn) {}

  // What is there beyond the newest state.
  Result<void> look(OnDamage on_damage) {
    report_.checkpoint_csn = report_.last_csn = checkpoint_csn_;
    lanes_.clear();
    HOLDFAST_TRY(scan(on_damage));
    if (old_.closed) {
      return {};
    }
    std::vector<wal::LaneSummary> summaries;
    summaries.reserve(lanes_.size());
    for (const wal::LaneContents& lane : lanes_) {
      summaries.push_back(wal::summary_of(lane));
    }
    plan_ = wal::plan_recovery(store_.newest().csn, summaries);
    report_.last_csn = plan_.last;
    report_.replayed_commits = to_int(plan_.last) - to_int(checkpoint_csn_);
    report_.cut_records = plan_.cut.size();
    if (plan_.damage) {
      report_.first_lost = plan_.damage->first_lost;
      report_.last_lost = plan_.damage->last_lost;
      report_.damage = plan_.damage->to_error().to_string();
      if (on_damage == OnDamage::kRefuse) {
        return fail(plan_.damage->to_error());
      }
    }
    return {};
  }

  bool has_commits() const { return !plan_.replay.empty(); }

  // Copies of every live file of the log, for whoever wants to look for what is cut.
  Result<void> keep_copies() {
    for (const wal::LaneContents& lane : lanes_) {
      for (const wal::SegmentStats& segment : lane.segments) {
        const std::string copy = std::string(kKeptPrefix) + std::to_string(to_int(old_.epoch)) + "-" + segment.file;
        HOLDFAST_TRY_ASSIGN(const auto from, directory_.open_file(segment.file, OpenMode::kReadOnly));
        std::vector<std::byte> bytes(segment.segment_bytes);
        HOLDFAST_TRY(from->read_at(0, bytes));
        HOLDFAST_TRY_ASSIGN(const auto to, directory_.open_file(copy, OpenMode::kCreate));
        HOLDFAST_TRY(to->write_at(0, bytes));
        HOLDFAST_TRY(to->sync());
        report_.kept_files.push_back(copy);
      }
    }
    return directory_.sync();
  }

  Result<void> replay() {
    std::vector<wal::RecordReader> readers;
    readers.reserve(lanes_.size());
    for (const wal::LaneContents& lane : lanes_) {
      readers.emplace_back(directory_, lane);
    }
    std::span<const wal::RecordRef> left = plan_.replay;
    while (!left.empty()) {
      const size_t count = records_in_batch(left);
      HOLDFAST_TRY(replay_batch(left.first(count), readers));
      report_.last_csn = record(left[count - 1]).last_csn();
      report_.replayed_commits = to_int(report_.last_csn) - to_int(checkpoint_csn_);
      if (options_.recovery_progress) {
        options_.recovery_progress(report_.replayed_commits, to_int(plan_.last) - to_int(checkpoint_csn_));
      }
      left = left.subspan(count);
    }
    return {};
  }

  Result<std::unique_ptr<Log>> start_log() {
    format::LogStart start;
    HOLDFAST_TRY_ASSIGN(start, next_start());
    std::vector<std::unique_ptr<wal::Lane>> lanes;
    for (uint16_t lane = 0; lane < start.lane_count; ++lane) {
      std::vector<uint16_t> live;
      if (lane < lanes_.size()) {
        for (const wal::SegmentStats& segment : lanes_[lane].segments) {
          live.push_back(segment.slot);
        }
      }
      HOLDFAST_TRY_ASSIGN(auto prepared,
                          wal::Lane::prepare(directory_, env_.clock(), {store_.meta().database_id, start.epoch, lane},
                                             start.first_sequence[lane], start.segment_bytes, live));
      lanes.push_back(std::move(prepared));
    }
    if (start.lane_count > 0 && !PLANTED(kNewLogNameSync)) {
      HOLDFAST_TRY(directory_.sync());
    }
    store_.set_log_start(start);
    const StreamFlush flush = streams_.begin_flush();
    HOLDFAST_TRY(streams_.write(flush));
    const auto made = PLANTED(kReplayNotCheckpointed) ? Result<void>() : store_.checkpoint();
    streams_.end_flush(flush, made.has_value());
    if (!made) {
      // Nobody has committed here yet: whether it survives or not, the same is shown.
      const Error& error = made.error();
      return fail(error.code() == ErrorCode::kOutcomeUnknown
                      ? Error(ErrorCode::kIo, error.message()).at(error.file()).os(error.os_error())
                      : error);
    }
    store_.show(store_.newest().csn);
    for (uint16_t lane = 0; lane < start.lane_count; ++lane) {
      lanes[lane]->recycle(start.first_sequence[lane]);
    }
    HOLDFAST_TRY(remove_lanes_from(start.lane_count));
    PageReader reader = store_.new_reader_of_newest();
    HOLDFAST_TRY(streams_.remove_unnamed(reader, reader.state().streams));
    return std::make_unique<Log>(env_, store_, start, std::move(lanes));
  }

  // Of a store that takes no writes: nothing is done to what is there.
  std::unique_ptr<Log> no_log() const {
    return std::make_unique<Log>(env_, store_, format::LogStart{}, std::vector<std::unique_ptr<wal::Lane>>());
  }

 private:
  Result<void> scan(OnDamage on_damage) {
    std::vector<Result<wal::LaneContents>> found(old_.lane_count);
    const auto scan_one = [&](uint16_t lane) {
      found[lane] =
          wal::scan_lane(directory_, {store_.meta().database_id, old_.epoch, lane}, old_.first_sequence[lane]);
    };
    std::vector<std::unique_ptr<Thread>> threads;
    Result<void> started;
    // This thread scans too.
    for (uint16_t lane = 1; lane < old_.lane_count && options_.background && started; ++lane) {
      auto thread = env_.threads().start("holdfast-scan", [&scan_one, lane] { scan_one(lane); });
      if (thread) {
        threads.push_back(std::move(*thread));
      } else {
        started = fail(std::move(thread).error());
      }
    }
    for (uint16_t lane = 0; lane < old_.lane_count; ++lane) {
      if (lane == 0 || !options_.background) {
        scan_one(lane);
      }
    }
    for (const auto& thread : threads) {
      thread->join();
    }
    HOLDFAST_TRY(started);
    for (uint16_t lane = 0; lane < old_.lane_count; ++lane) {
      if (!found[lane] && (on_damage == OnDamage::kRefuse || found[lane].error().code() != ErrorCode::kCorruption)) {
        return fail(std::move(found[lane]).error());
      }
      if (!found[lane]) {
        found[lane] = salvaged(lane, Error(found[lane].error()));
        HOLDFAST_TRY(found[lane]);
      }
      lanes_.push_back(std::move(*found[lane]));
    }
    return {};
  }

  // What is left of a lane of which files are missing. All that may have been live count so, that copies of them are
  // kept, and nothing is written over them before the new log is durable.
  Result<wal::LaneContents> salvaged(uint16_t lane, const Error& why) const {
    const wal::LaneIdentity identity{store_.meta().database_id, old_.epoch, lane};
    HOLDFAST_TRY_ASSIGN(wal::LaneContents contents,
                        wal::salvage_lane(directory_, identity, old_.first_sequence[lane], why));
    HOLDFAST_TRY_ASSIGN(const std::vector<uint16_t> slots, wal::list_slots(directory_, lane));
    for (const uint16_t slot : slots) {
      const std::string name = wal::slot_file_name(lane, slot);
      HOLDFAST_TRY_ASSIGN(const auto file, directory_.open_file(name, OpenMode::kReadOnly));
      HOLDFAST_TRY_ASSIGN(const uint64_t bytes, file->size());
      std::array<std::byte, format::kSectorBytes> sector{};
      HOLDFAST_TRY(file->read_at(0, sector));
      const auto header = format::decode_segment_header(sector);
      // Of a recovery that was cut off, which used the epoch that this one uses again: there, it would be another
      // segment of the same number.
      const bool is_newer = header && header->database_id == identity.database_id && header->epoch > old_.epoch;
      if (is_newer || PLANTED(kSalvagedFilesReused) ||
          std::ranges::find(contents.segments, slot, &wal::SegmentStats::slot) != contents.segments.end()) {
        continue;
      }
      wal::SegmentStats& segment = contents.segments.emplace_back();
      segment.file = name;
      segment.slot = slot;
      segment.segment_bytes = static_cast<uint32_t>(std::min<uint64_t>(bytes, format::kSegmentBytesMax));
    }
    return contents;
  }

  const wal::FoundRecord& record(const wal::RecordRef& ref) const {
    return lanes_[ref.lane_index].records[ref.record_index];
  }

  size_t records_in_batch(std::span<const wal::RecordRef> left) const {
    size_t count = 0;
    for (uint64_t bytes = 0; count < left.size() && bytes < kBatchBytes; ++count) {
      bytes += record(left[count]).body_bytes;
    }
    return count;
  }

  // One generation: what it births it may change again for nothing.
  Result<void> replay_batch(std::span<const wal::RecordRef> batch, std::vector<wal::RecordReader>& readers) {
    const State base = store_.newest();
    const Csn last = record(batch.back()).last_csn();
    HOLDFAST_TRY_ASSIGN(PageWriter* const writer, store_.begin(last));
    WriteSetApplier applier(*writer, base, streams_);
    ReplayBatch rows(applier, store_.page_bytes());
    Result<void> applied;
    uint64_t bytes = 0;
    for (size_t at = 0; applied && at < batch.size(); ++at) {
      bytes += record(batch[at]).body_bytes;
      applied = replay_record(batch[at], readers, rows);
    }
    if (applied) {
      applied = rows.apply();
    }
    Result<State> state = applied ? applier.finish(last) : fail(std::move(applied).error());
    if (!state) {
      store_.abort();
      return fail(std::move(state).error());
    }
    HOLDFAST_TRY(store_.publish(*state));
    applier.streams().keep();
    store_.show(last);  // nobody reads yet: the state before is not needed any more
    report_.replayed_bytes += bytes;
    return {};
  }

  Result<void> replay_record(const wal::RecordRef& ref, std::vector<wal::RecordReader>& readers,
                             ReplayBatch& rows) const {
    const std::span<std::byte> body = rows.body_of(record(ref).body_bytes);
    HOLDFAST_TRY(readers[ref.lane_index].read(ref.record_index, body));
    return rows.add(body, record(ref).csn_count);
  }

  Result<format::LogStart> next_start() const {
    format::LogStart start;
    start.epoch = old_.epoch;
    if (options_.checkpoint_every_commit) {
      return start;
    }
    if (to_int(old_.epoch) == std::numeric_limits<uint32_t>::max()) {
      return fail(ErrorCode::kUnsupported, "wal epochs are used up; copy the database to go on");
    }
    start.epoch = PLANTED(kSameEpoch) ? old_.epoch : Epoch{to_int(old_.epoch) + 1};
    start.lane_count = options_.lanes != 0 ? options_.lanes : kLanesDefault;
    const uint64_t share = options_.checkpoint_wal_bytes / (kSegmentsPerLane * start.lane_count);
    start.segment_bytes = static_cast<uint32_t>(
        std::bit_floor(std::clamp<uint64_t>(share, format::kSegmentBytesMin, format::kSegmentBytesMax)));
    std::fill_n(start.first_sequence.begin(), start.lane_count, uint64_t{1});
    return start;
  }

  Result<void> remove_lanes_from(uint16_t lane_count) {
    HOLDFAST_TRY_ASSIGN(const std::vector<std::string> names, directory_.list());
    bool removed = false;
    for (const std::string& name : names) {
      const auto slot = wal::parse_slot_file_name(name);
      if (slot && slot->lane >= lane_count) {
        HOLDFAST_TRY(directory_.remove(name));
        removed = true;
      }
    }
    return removed ? directory_.sync() : Result<void>();
  }

  Env& env_;
  Directory& directory_;
  PageStore& store_;
  Streams& streams_;
  const Options& options_;
  RecoveryReport& report_;
  const format::LogStart old_;
  const Csn checkpoint_csn_;
  std::vector<wal::LaneContents> lanes_;
  wal::RecoveryPlan plan_;
};

Error with_remedy(const Error& error) {
  if (error.code() != ErrorCode::kNoSpace) {
    return error;
  }
  return Error(ErrorCode::kNoSpace,
               "opening the database for writing needs space, for what its log holds and for a new log; free some and "
               "open it again, nothing is lost: " +
                   error.message())
      .at(error.file())
      .os(error.os_error());
}

}  // namespace

Result<std::unique_ptr<Log>> open_log(Env& env, Directory& directory, PageStore& store, Streams& streams,
                                      const Options& options, OnDamage on_damage, RecoveryReport& report) {
  Recovery recovery(env, directory, store, streams, options, report);
  HOLDFAST_TRY(recovery.look(on_damage));
  if (options.read_only) {
    if (recovery.has_commits()) {
      return fail(ErrorCode::kReadOnly, "the log holds " + std::to_string(report.replayed_commits) +
                                            " commits that are not in the tree yet; open the database once for "
                                            "writing, so that they are");
    }
    return recovery.no_log();
  }
  if (!report.damage.empty()) {
    HOLDFAST_TRY(recovery.keep_copies());
  }
  auto replayed = recovery.replay();
  // After a failed sync the operating system may show bytes for a while that are not on the disk, and then those that
  // are. Such a record was never acknowledged: what the log holds beyond the last good one is looked at again.
  for (int again = 0; !replayed && replayed.error().code() == ErrorCode::kCorruption && again < kLooksAgain; ++again) {
    HOLDFAST_TRY(recovery.look(on_damage));
    replayed = recovery.replay();
  }
  if (!replayed) {
    return fail(with_remedy(replayed.error()));
  }
  auto log = recovery.start_log();
  return log ? std::move(log) : fail(with_remedy(log.error()));
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
