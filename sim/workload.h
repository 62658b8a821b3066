// Client: one user of the database on a fiber of its own. It does what its generator says, writes down what it was
// answered, and hands that to the oracle.
//
// An error is excused if a fault was injected that explains it, or if the process is dead; anything else breaks a
// promise and ends the run.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/database.h>

#include "sim/generator.h"
#include "sim/projection_work.h"
#include "sim/race_detector.h"
#include "sim/script.h"
#include "sim/txn_log.h"
#include "sim/world.h"

namespace holdfast::sim {

class Client {
 public:
  // All must outlive the client.
  Client(World& world, Database& database, uint32_t number, Decisions decisions);
  // About `operations` steps, fewer if the world ends. Ends every snapshot that it kept.
  void run(uint64_t operations);
  // The same with the actions of the script.
  void perform(const ScriptedClient& script);
  // What it does is written there, too; null for nothing.
  void record_into(ScriptedClient* record) { record_ = record; }

  // Erases everything but the ledger in one transaction, so that space must come back. For the last life.
  void erase_everything();
  // One transaction with some puts. For the last life: it must succeed.
  void put_some(uint64_t count);
  // For the last life, too.
  void drop_projections();
  void drop_pins();

 private:
  struct Kept {
    Snapshot snapshot;
    // When it was asked for and given; its clones have those of the first.
    uint64_t asked = 0;
    uint64_t shown = 0;
  };
  // The state of the world before a call, by which its error is judged.
  struct Before {
    uint64_t errors = 0;
    uint64_t errors_in_files = 0;
    bool writes_failed = false;
  };

  // Whether there may be one more action. Waits until the oracle can follow.
  bool may_go_on();
  void act();
  void take(Action action, ScriptedAction::Cause cause);
  void end();
  void transaction();
  void bulk();
  void clear();
  void exec();
  void exec_bucket();
  void view();
  void keep_snapshot();
  void read_snapshot();
  void drop_snapshot();
  void single_put();
  void single_erase();
  void single_get();
  void bad_argument();
  void check();
  void checkpoint();
  void wait_durable();
  void append_batch();
  void only_expect();
  void read_stream();
  void prove();
  void wait_stream();
  // Nothing: it met an error, which was excused.
  std::optional<StreamHead> head_of(const holdfast::Stream& stream);
  // False: it met an error, which was excused.
  bool seal_stream(StreamId id);
  void redact();
  void trim();
  void compact_stream();
  void pin_state();
  void make_pin(const std::string& pin);
  void let_pin_go(const std::string& pin, uint64_t csn);
  void read_pin(const std::string& pin, uint64_t csn);
  // Nothing: it met an error, which was excused.
  std::optional<Snapshot> pinned_snapshot(const std::string& pin, uint64_t csn);
  void judge_pinned(const Snapshot& snapshot, const std::string& pin, uint64_t csn);
  void follow();
  Result<void> follow_in_background(ProjectionId id, const std::string& stream, const Reducer& reducer,
                                    const FollowOptions& options);
  // What is noted of each commit of a follow(); the referred ones outlive it.
  std::function<bool(uint64_t, uint64_t)> follow_progress(const ProjectionWork& work, uint64_t& applied,
                                                          uint64_t& commits_left);
  void apply_batches();
  void read_projection();
  void rebuild();
  void prune();
  void pin();
  void purge_table();
  void drop_projection(ProjectionId id);
  ProjectionId any_projection();
  ProjectionModel& projections() const { return world_.oracle.model().projections(); }
  // Looks at the newest state, so that commits of which nobody is told are counted.
  void learn();
  // What an event of the stream changes; `fails_at`: of the events that it is given, the one at which it gives up.
  Reducer reducer(ProjectionId id, std::optional<uint64_t> least, uint64_t& fails_at);
  // Whether the error is one of those that working side by side explains; otherwise it must be excused.
  bool met_others(const Error& error, const ProjectionWork& work);
  bool was_trimmed(const Error& error, ProjectionId id, uint64_t offset);
  bool may_be_gone(bool was_there) const;
  // A moment at which the engine cleaned up, or somebody holds pages: one in `one_in` of them is followed by a check.
  void remarkable(uint64_t one_in) { wants_check_ = wants_check_ || generator_.one_in(one_in); }

  Durability draw_durability(TxnLog& log);
  std::shared_ptr<TxnLog> new_log(uint64_t snapshot_csn, const Asked& asked, Isolation isolation);
  // Some moves of a transaction; false: it met an error, which was excused.
  bool fill(TxnLog& log, Transaction& transaction, uint64_t steps, bool writes);
  bool fill_as_scripted(TxnLog& log, Transaction& transaction, bool writes);
  bool take_step(TxnLog& log, Transaction& transaction, Move move, bool writes);
  // Where the moves of this action are written down; null for nowhere.
  ScriptedSteps* recorded_moves();
  bool move(TxnLog& log, Transaction& transaction, Move move);
  bool write_row(TxnLog& log, Bucket& bucket, BucketId id, Move move);
  bool put_row(TxnLog& log, Bucket& bucket, BucketId id, std::string_view key);
  template <class AnyBucket>
  bool read_row(TxnLog& log, AnyBucket& bucket, BucketId id, Move move);
  template <class AnyBucket>
  bool scan(TxnLog& log, AnyBucket& bucket, BucketId id, bool by_prefix);
  template <class AnyBucket>
  bool walk(TxnLog& log, AnyBucket& bucket, BucketId id);
  bool read_snapshot_rows(const Snapshot& snapshot, uint64_t asked, uint64_t shown);
  bool read_snapshot_rows(const Kept& kept) { return read_snapshot_rows(kept.snapshot, kept.asked, kept.shown); }
  bool append_event(TxnLog& log, Transaction& transaction);
  bool look_at_head(TxnLog& log, Transaction& transaction);
  bool read_records(TxnLog& log, const StreamView& view, StreamId id);
  // Whether not_found says that the record was trimmed, as somebody asked for.
  bool trimmed(const Error& error, StreamId id, uint64_t offset);
  // Size 0: there is none yet.
  TrustedHead draw_trusted(StreamId id);
  // The log of a commit that changes only how a stream is stored, or shortens it; given to the oracle.
  std::shared_ptr<TxnLog> upkeep_log(StreamWrite::Kind kind, StreamId id, uint64_t offset);
  // Judges the answer; nothing: there was nothing to do. False: an error, which was excused.
  bool upkeep_answered(const std::shared_ptr<TxnLog>& log, const Result<std::optional<Csn>>& answer,
                       const Before& before);
  bool put_marker(TxnLog& log, Transaction& transaction);
  // Judges the answer of commit() or exec() about the attempt in `log`.
  void commit_answered(const std::shared_ptr<TxnLog>& log, const Result<Commit>& answer, const Before& before);
  void finish(const std::shared_ptr<TxnLog>& log, Transaction& transaction);

  Before before() const { return {world_.errors_injected(), world_.errors_in_files(), world_.writes_failed}; }
  // Returns if the error is one that the world allows here; false, so that callers can return it.
  bool excuse(const Error& error, const Before& before, std::string_view what);
  // A snapshot of a bucket that is not there answers not_found: that is an answer, not an error.
  template <class AnyBucket>
  bool missing_bucket(TxnLog& log, BucketId id, const Error& error);
  BucketId bucket_id(uint32_t number);
  const std::string& bucket_name(BucketId id) const { return world_.oracle.model().bucket_name(id); }
  StreamId stream_id(uint32_t number);
  const std::string& stream_name(StreamId id) const { return world_.oracle.model().streams().name(id); }
  Codec draw_codec();

  World& world_;
  Database& database_;
  Generator generator_;
  std::string name_;
  std::vector<Kept> kept_;
  bool wants_check_ = false;
  uint64_t actions_ = 0;  // begun
  uint64_t operations_left_ = 0;
  uint64_t last_actions_;                     // what is left of them, after writes have failed
  const ScriptedAction* scripted_ = nullptr;  // the action that it is in
  ScriptedClient* record_ = nullptr;
  uint64_t fills_ = 0;        // in this action
  uint64_t writes_made_ = 0;  // makes values unique
  uint64_t last_csn_ = 0;     // of its own commits
};

}  // namespace holdfast::sim
