#include "db/projection_follow.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/planted.h"
#include "db/limits.h"
#include "db/projection_content.h"
#include "db/projection_slot.h"
#include "db/projection_writer.h"
#include "db/stream_feed.h"
#include "db/stream_head.h"
#include "tree/cursor.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

// A commit takes no more payload than this, but for a single event.
constexpr uint64_t kStepBytesMax = uint64_t{1} << 20;
// So often a rebuild tries to put its tables in place while the old ones are fed.
constexpr int kSwitchAttemptsMax = 100;

using format::ProjectionRow;
using format::StateRow;

// Chain hash of the stream before the record at `position`, if that can be told. Errors: io, corruption.
Result<std::optional<Hash>> hash_at(ReadState& state, const FoundStream& stream, uint64_t position) {
  if (position == stream.head.next_offset) {
    return stream.head.chain_hash;
  }
  if (position > stream.head.next_offset || position < stream.first_offset) {
    return std::nullopt;
  }
  StreamReader reader(state.database(), stream.stream_id);
  reader.seek(position);
  HOLDFAST_TRY_ASSIGN(const format::Record record, reader.next());
  return record.prev_hash;
}

// Between which offsets the stream stops being the one that was applied: the last mark that agrees, and the first that
// does not. Errors: io, corruption.
Result<std::string> where_they_part(ReadState& state, const ProjectionRow& row, uint32_t generation,
                                    const FoundStream& stream, uint64_t applied) {
  BucketSlot& slot = state.own_slot(format::generation_bucket(row.projection_id, generation));
  HOLDFAST_TRY(state.resolve(slot));
  uint64_t agrees = 0;
  uint64_t differs = applied;
  tree::Cursor marks(state.reader(), slot.record.root);
  HOLDFAST_TRY_ASSIGN(bool there, marks.first());
  while (there) {
    uint64_t position = 0;
    if (format::parse_mark_key(marks.key(), position)) {
      HOLDFAST_TRY_ASSIGN(const std::string_view mark, marks.value());
      HOLDFAST_TRY_ASSIGN(const auto hash, hash_at(state, stream, position));
      if (hash && as_text(*hash) != mark) {
        differs = std::min(differs, position);
        break;
      }
      agrees = hash ? position : agrees;
    }
    HOLDFAST_TRY_ASSIGN(there, marks.next());
  }
  return "they part at an offset from " + std::to_string(agrees) + " to " + std::to_string(differs - 1);
}

class Feeder {
 public:
  Feeder(DatabaseCore& database, const std::string& name, const std::string& stream, const Reducer& reducer,
         const FollowOptions& options)
      : database_(database), name_(name), stream_(stream), reducer_(reducer), options_(options) {}

  // Everything goes to this generation, which a rebuild fills.
  void feed_building(uint32_t generation) { building_ = generation; }

  Result<FollowReport> run() {
    HOLDFAST_TRY(check_projection_name(name_));
    HOLDFAST_TRY(check_stream_name(stream_));
    if (options_.batch_events == 0) {
      return fail(ErrorCode::kInvalidArgument, "batch_events is 0; a commit takes at least one event");
    }
    if (!building_) {
      HOLDFAST_TRY(find_or_make_projection(database_, name_, stream_));
    }
    FollowReport report;
    for (bool is_first = true;; is_first = false) {
      HOLDFAST_TRY_ASSIGN(const Commit commit,
                          exec_own(database_, Isolation::kSnapshot, Durability::kDeferred,
                                   [&](TransactionCore& transaction) { return step(transaction); }));
      if (applied_ == before_) {
        // What somebody else has applied may be on its way still: nobody who asks next may be shown less.
        HOLDFAST_TRY(database_.wait_durable(commit.csn));
      }
      report.from = is_first ? before_ : report.from;
      report.to = applied_;
      if (options_.progress && applied_ > before_ && !options_.progress(applied_, newest_)) {
        report.stopped = true;
        return report;
      }
      if (applied_ >= std::min(newest_, options_.until) || applied_ == before_) {
        return report;
      }
    }
  }

 private:
  Result<void> step(TransactionCore& transaction) {
    HOLDFAST_TRY_ASSIGN(const std::optional<ProjectionRow> row, find_projection(transaction, name_));
    if (!row) {
      return fail(ErrorCode::kConflict, "projection " + name_ + " was dropped meanwhile");
    }
    HOLDFAST_TRY(check_source(*row));
    const uint32_t generation = building_.value_or(row->generation);
    HOLDFAST_TRY_ASSIGN(ProjectionWriter writer, ProjectionWriter::open(transaction, name_, *row, generation));
    before_ = applied_ = writer.state().applied;

    // What is shown is durable: no projection runs ahead of its stream.
    ReadState seen(database_, PLANTED(kFollowUndurable) ? database_.store().new_reader_of_newest()
                                                        : database_.store().new_reader());
    HOLDFAST_TRY_ASSIGN(const auto found, find_stream(seen.reader(), stream_));
    const FoundStream stream = found.value_or(FoundStream{});
    newest_ = stream.head.next_offset;
    HOLDFAST_TRY(check_hash(transaction, seen, *row, generation, stream, writer.state()));
    HOLDFAST_TRY(apply_some(seen, stream, writer));
    return applied_ > before_ && !PLANTED(kPositionNotStored) ? writer.put_state() : Result<void>();
  }

  Result<void> check_source(const ProjectionRow& row) const {
    if (!row.from_stream) {
      return fail(ErrorCode::kInvalidArgument, "projection " + name_ + " is fed by apply(), and not by a stream");
    }
    if (row.stream != stream_) {
      return fail(ErrorCode::kInvalidArgument,
                  "projection " + name_ + " is fed by stream " + row.stream + ", and not by " + stream_);
    }
    if (building_ && row.building != *building_) {
      return fail(ErrorCode::kConflict, "another rebuild of projection " + name_ + " has begun");
    }
    return {};
  }

  // Whether the stream is the one that was applied.
  Result<void> check_hash(TransactionCore& transaction, ReadState& seen, const ProjectionRow& row, uint32_t generation,
                          const FoundStream& stream, const StateRow& state) const {
    if (state.applied > stream.head.next_offset) {
      return fail(ErrorCode::kCorruption, "projection " + name_ + " has applied " + std::to_string(state.applied) +
                                              " events, but stream " + stream_ + " has only " +
                                              std::to_string(stream.head.next_offset));
    }
    if (state.applied < stream.first_offset) {
      return fail(ErrorCode::kNotFound, "event " + std::to_string(state.applied) + " of stream " + stream_ +
                                            " is the next for projection " + name_ +
                                            " and was trimmed; the oldest is " + std::to_string(stream.first_offset));
    }
    HOLDFAST_TRY_ASSIGN(const auto hash, hash_at(seen, stream, state.applied));
    if (*hash == state.hash) {
      return {};
    }
    HOLDFAST_TRY_ASSIGN(const std::string where,
                        where_they_part(transaction.read_state(), row, generation, stream, state.applied));
    return fail(ErrorCode::kCorruption,
                "stream " + stream_ + " is not the one that projection " + name_ + " has applied: " + where);
  }

  Result<void> apply_some(ReadState& seen, const FoundStream& stream, ProjectionWriter& writer) {
    StreamFeed feed(seen, stream, applied_, writer.state().hash);
    uint64_t bytes = 0;
    while (!feed.done() && applied_ < options_.until && applied_ - before_ < options_.batch_events &&
           bytes < kStepBytesMax) {
      HOLDFAST_TRY_ASSIGN(const StreamRecord event, feed.next());
      WriteBatch batch(event.offset + 1, feed.hash());
      HOLDFAST_TRY(reducer_(event, batch));
      HOLDFAST_TRY(writer.apply(batch));
      bytes += event.payload.size();
      applied_ = batch.position();
    }
    return {};
  }

  DatabaseCore& database_;
  const std::string& name_;
  const std::string& stream_;
  const Reducer& reducer_;
  const FollowOptions& options_;
  std::optional<uint32_t> building_;

  // Of the last step.
  uint64_t before_ = 0;
  uint64_t applied_ = 0;
  uint64_t newest_ = 0;
};

class Rebuild {
 public:
  Rebuild(DatabaseCore& database, const std::string& name, const Reducer& reducer, const FollowOptions& options)
      : database_(database), name_(name), reducer_(reducer), options_(options) {}

  Result<RebuildReport> run() {
    HOLDFAST_TRY(exec_own(database_, Isolation::kSerializable, Durability::kDurable,
                          [&](TransactionCore& transaction) { return begin(transaction); }));
    Feeder feeder(database_, name_, row_.stream, reducer_, options_);
    feeder.feed_building(row_.building);
    for (int attempt = 0; attempt < kSwitchAttemptsMax; ++attempt) {
      HOLDFAST_TRY_ASSIGN(const FollowReport fed, feeder.run());
      report_.position = fed.to;
      if (fed.stopped) {
        report_.stopped = true;
        return report_;
      }
      HOLDFAST_TRY_ASSIGN(const bool is_done, put_in_place());
      if (is_done) {
        return report_;
      }
    }
    return fail(ErrorCode::kConflict,
                "the tables of projection " + name_ + " are fed faster than they can be made anew; the old ones stay");
  }

 private:
  // What an earlier rebuild left goes, and a new generation begins.
  Result<void> begin(TransactionCore& transaction) {
    HOLDFAST_TRY_ASSIGN(const auto found, find_projection(transaction, name_));
    if (!found) {
      return fail(ErrorCode::kNotFound, "there is no projection named " + name_);
    }
    if (!found->from_stream) {
      return fail(ErrorCode::kInvalidArgument, "projection " + name_ + " is fed by apply(): nothing can tell it again");
    }
    row_ = *found;
    if (row_.building != 0) {
      HOLDFAST_TRY(drop_generation(transaction, row_, row_.building));
    }
    row_.building = std::max(row_.building, row_.generation) + 1;
    HOLDFAST_TRY(begin_generation(transaction, row_, row_.building));
    return put_projection(transaction, name_, row_);
  }

  // False: the old tables are ahead. What is put in place is in a checkpoint: a crash takes nobody back to less than
  // the old tables held.
  Result<bool> put_in_place() {
    HOLDFAST_TRY(PLANTED(kRebuildUndurable) ? Result<void>() : database_.checkpoint());
    HOLDFAST_TRY(compare());
    bool is_done = false;
    HOLDFAST_TRY(exec_own(database_, Isolation::kSerializable, Durability::kDurable,
                          [&](TransactionCore& transaction) -> Result<void> {
                            HOLDFAST_TRY_ASSIGN(is_done, switch_over(transaction));
                            return {};
                          }));
    return is_done;
  }

  Result<void> compare() {
    ReadState state(database_, database_.store().new_reader());
    HOLDFAST_TRY_ASSIGN(const StateRow old, state_of(state, row_.projection_id, row_.generation));
    const uint64_t to = std::min(old.applied, report_.position);
    const auto content = [&](uint32_t generation) {
      return hash_content(state, row_, generation, std::min(old.floor, to), to);
    };
    HOLDFAST_TRY_ASSIGN(report_.content_before, content(row_.generation));
    HOLDFAST_TRY_ASSIGN(report_.content_after, content(row_.building));
    return {};
  }

  Result<bool> switch_over(TransactionCore& transaction) {
    HOLDFAST_TRY_ASSIGN(const auto found, find_projection(transaction, name_));
    if (found != row_) {
      return fail(ErrorCode::kConflict, "another rebuild of projection " + name_ + " has begun");
    }
    HOLDFAST_TRY_ASSIGN(const ProjectionWriter old, ProjectionWriter::open(transaction, name_, row_, row_.generation));
    if (old.state().applied > report_.position && !PLANTED(kRebuildBehind)) {
      return false;
    }
    HOLDFAST_TRY(drop_generation(transaction, row_, row_.generation));
    ProjectionRow next = row_;
    next.generation = row_.building;
    next.building = 0;
    HOLDFAST_TRY(put_projection(transaction, name_, next));
    return true;
  }

  DatabaseCore& database_;
  const std::string& name_;
  const Reducer& reducer_;
  const FollowOptions& options_;
  ProjectionRow row_;
  RebuildReport report_;
};

}  // namespace

Result<FollowReport> follow_stream(DatabaseCore& database, const std::string& name, const std::string& stream,
                                   const Reducer& reducer, const FollowOptions& options) {
  return Feeder(database, name, stream, reducer, options).run();
}

Result<RebuildReport> rebuild_projection(DatabaseCore& database, const std::string& name, const Reducer& reducer,
                                         const FollowOptions& options) {
  return Rebuild(database, name, reducer, options).run();
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
