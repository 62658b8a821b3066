// DrawnProgram: one client that does something of everything to a database, in any environment and in both flavours of
// the engine. The seed decides all of it; what it is answered is text, to be compared.
//
// Threads: one; the engine runs inline.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <holdfast/holdfast.hpp>

#include "tests/draw.h"

namespace holdfast::reality {

enum class Step : uint8_t {
  kPut,
  kErase,
  kEraseRange,
  kSeveral,   // rows of several buckets, some rolled back to a savepoint, and an event: one commit
  kConflict,  // loses against another transaction
  kLarge,
  kHuge,  // too large for the log
  kDeferred,
  kWait,
  kDropBucket,
  kAppend,
  kAppendMany,
  kSeal,
  kRedact,
  kTrim,
  kCompact,
  kApply,
  kPrune,
  kFollow,
  kRebuild,
  kPurge,
  kPin,
  kUnpin,
  kProve,
  kCheck,
  kCheckpoint,
  kReopen,
};
constexpr std::array kAllSteps = {
    Step::kPut,    Step::kPut,   Step::kPut,        Step::kErase,  Step::kEraseRange, Step::kSeveral,  Step::kSeveral,
    Step::kLarge,  Step::kHuge,  Step::kConflict,   Step::kWait,   Step::kDeferred,   Step::kDeferred, Step::kAppend,
    Step::kAppend, Step::kSeal,  Step::kAppendMany, Step::kRedact, Step::kDropBucket, Step::kTrim,     Step::kCompact,
    Step::kApply,  Step::kApply, Step::kPrune,      Step::kFollow, Step::kRebuild,    Step::kPurge,    Step::kPin,
    Step::kUnpin,  Step::kProve, Step::kCheck,      Step::kReopen, Step::kCheckpoint};

inline Options drawn_options(Draw& draw, Env& env) {
  Options options;
  options.page_bytes = kPageBytesMin << draw.below(3);
  options.cache_bytes = kCacheBytesMin << draw.below(3);
  options.lanes = static_cast<uint16_t>(1 + draw.below(4));
  options.checkpoint_wal_bytes = kCheckpointWalBytesMin << draw.below(4);
  options.stream_segment_bytes = kStreamSegmentBytesMin << draw.below(3);
  options.checkpoint_every_commit = draw.one_in(6);
  options.background = false;
  options.env = &env;
  return options;
}

inline std::string hex(const Hash& hash) {
  std::string text;
  for (const std::byte byte : hash) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[std::to_integer<size_t>(byte) >> 4U];
    text += kDigits[std::to_integer<size_t>(byte) & 15U];
  }
  return text;
}

// All that a database shows to who reads it.
class Shown {
 public:
  static std::string of(const Database& database) {
    Shown shown;
    const Snapshot snapshot = database.snapshot();
    shown.rows(snapshot);
    shown.streams(snapshot);
    shown.projections(snapshot);
    shown.ask("pins", database.pins(), [&](const std::vector<Pin>& pins) {
      for (const Pin& pin : pins) {
        shown.line("pin", pin.name, std::to_string(to_int(pin.csn)));
      }
    });
    return std::move(shown.text_);
  }

 private:
  void line(std::string_view what, std::string_view name, std::string_view value) {
    text_.append(what).append(" ").append(name).append(" = ").append(value).append("\n");
  }
  template <class T, class F>
  void ask(std::string_view what, const Result<T>& answer, const F& then) {
    if (answer) {
      then(*answer);
    } else {
      line(what, "", answer.error().to_string());
    }
  }
  void ended(const Result<void>& status) {
    if (!status) {
      line("it ended", "", status.error().to_string());
    }
  }
  void rows(const Snapshot& snapshot) {
    ask("buckets", snapshot.buckets(), [&](const std::vector<std::string>& buckets) {
      for (const std::string& bucket : buckets) {
        line("bucket", bucket, "");
        Range range = snapshot.bucket(bucket).all();
        for (const auto& [key, value] : range) {
          line("row", key, value);
        }
        ended(range.status());
      }
    });
  }
  void streams(const Snapshot& snapshot) {
    ask("streams", snapshot.streams(), [&](const std::vector<std::string>& streams) {
      for (const std::string& name : streams) {
        const StreamView stream = snapshot.stream(name);
        ask("head", stream.head(), [&](const StreamHead& head) {
          line("stream", name, std::to_string(head.first_offset) + " to " + std::to_string(head.next_offset));
          line("chain hash", name, hex(head.chain_hash));
          ask("records", stream.read(head.first_offset, UINT64_MAX), [&](const std::vector<StreamRecord>& records) {
            for (const StreamRecord& record : records) {
              line("record", std::to_string(record.offset), record.redacted ? "redacted" : record.payload);
            }
          });
        });
        ask("tree head", stream.tree_head(), [&](const TreeHead& head) { line("root", name, hex(head.root)); });
        ask("verify", stream.verify(), [&](const VerifyReport& report) {
          line("verified", std::to_string(report.records), report.finding ? report.finding->what : "sound");
        });
      }
    });
  }
  void projections(const Snapshot& snapshot) {
    ask("projections", snapshot.projections(), [&](const std::vector<std::string>& projections) {
      for (const std::string& name : projections) {
        const ProjectionView projection = snapshot.projection(name);
        ask("stats", projection.stats(), [&](const ProjectionStats& stats) {
          if (stats.applied_position == 0) {
            return;  // it comes to be in a commit before that of its first batch
          }
          line("projection", name, std::to_string(stats.floor) + " to " + std::to_string(stats.applied_position));
          ask("content", projection.content_hash(stats.floor, stats.applied_position),
              [&](const Hash& hash) { line("content", name, hex(hash)); });
        });
        for (const std::string_view table : {"all", "last"}) {
          TableRange range = projection.table(table).scan();
          for (const TableRow& row : range) {
            line("row of the table", row.key, row.value);
          }
          ended(range.status());
        }
      }
    });
  }

  std::string text_;
};

class DrawnProgram {
 public:
  // `env` must outlive this.
  DrawnProgram(Env& env, std::string_view path, uint64_t seed, std::span<const Step> steps = kAllSteps)
      : path_(path), draw_(seed), options_(drawn_options(draw_, env)), steps_(steps.begin(), steps.end()) {}

  // Before anything else.
  std::string open() {
    auto opened = Database::open(path_, options_);
    if (!opened) {
      return opened.error().to_string();
    }
    database_ = std::move(*opened);
    options_.create_if_missing = false;
    return "opened at " + csn_text(database_->snapshot().csn());
  }
  std::string close() {
    const std::string answer = told(database_->close());
    database_.reset();
    return answer;
  }
  // Takes one more step, and says which, and what was answered.
  std::string step() {
    const Step step = steps_[draw_.below(steps_.size())];
    std::string answer = take(step);
    // durable_csn() tells of the log alone.
    all_is_durable_ =
        (step == Step::kCheckpoint && answer == "yes") || database_->durable_csn() >= database_->snapshot().csn();
    return std::to_string(static_cast<int>(step)) + ": " + answer;
  }
  // Whether everything that was committed up to the last step was durable when that had been answered.
  bool all_is_durable() const { return all_is_durable_; }
  std::string shown() const { return Shown::of(*database_); }
  std::string counters() const {
    const auto stats = database_->stats();
    if (!stats) {
      return stats.error().to_string();
    }
    std::string text;
    for (const uint64_t number :
         {to_int(stats->csn), to_int(stats->durable_csn), stats->file_bytes, stats->page_count, stats->free_pages,
          stats->awaiting_pages, stats->cache_misses, stats->commits, stats->conflicts, stats->pages_written,
          stats->bytes_written, stats->syncs, stats->wal_bytes, stats->wal_bytes_written, stats->wal_flushes,
          stats->checkpoints, stats->stream_bytes_written, stats->recovery.replayed_commits}) {
      text += std::to_string(number) + " ";
    }
    return text;
  }
  const Options& options() const { return options_; }

 private:
  static std::string csn_text(Csn csn) { return "commit " + std::to_string(to_int(csn)); }
  static std::string told(const Result<void>& answer) { return answer ? "yes" : answer.error().to_string(); }
  static std::string told(const Result<Commit>& answer) {
    return answer ? csn_text(answer->csn) : answer.error().to_string();
  }
  static std::string told(const Result<bool>& answer) {
    return answer ? (*answer ? "true" : "false") : answer.error().to_string();
  }
  static std::string told(const Result<std::optional<Csn>>& answer) {
    return !answer ? answer.error().to_string() : *answer ? csn_text(**answer) : "nothing to do";
  }
  static std::string told(const Result<Appended>& answer) {
    return !answer ? answer.error().to_string()
                   : csn_text(answer->csn) + " up to " + std::to_string(answer->next_offset);
  }

  std::string bucket() { return "bucket" + std::to_string(draw_.below(3)); }
  std::string key() { return "key" + std::to_string(draw_.below(24)); }
  std::string value(size_t bytes) { return draw_.text(1 + draw_.below(bytes)); }
  std::string event() { return draw_.text(draw_.below(draw_.one_in(5) ? 3000 : 300)); }
  std::string stream_name() { return draw_.one_in(3) ? "other" : "events"; }
  Codec codec() { return static_cast<Codec>(draw_.below(3)); }

  // An offset of the stream, which may be gone.
  uint64_t offset_of(const Stream& stream) {
    const auto head = stream.head();
    return head && head->next_offset > 0 ? draw_.below(head->next_offset) : 0;
  }

  std::string take(Step step) {
    switch (step) {
      case Step::kPut: return told(database_->put(bucket(), key(), value(400)));
      case Step::kErase: return told(database_->erase(bucket(), key()));
      case Step::kEraseRange: return erase_range();
      case Step::kSeveral: return several();
      case Step::kConflict: return conflict();
      case Step::kLarge: return told(database_->put(bucket(), "large", value(30'000)));
      case Step::kHuge: return told(database_->put(bucket(), "huge", value(150'000)));
      case Step::kDeferred: return told(database_->put(bucket(), key(), value(200), Durability::kDeferred));
      case Step::kWait: return told(database_->wait_durable(database_->snapshot().csn()));
      case Step::kDropBucket: return drop_bucket();
      case Step::kAppend: return told(database_->stream(stream_name()).append(event(), codec()));
      case Step::kAppendMany: return append_many();
      case Step::kSeal: return told(database_->stream(stream_name()).seal());
      case Step::kRedact: return redact();
      case Step::kTrim: return trim();
      case Step::kCompact: return compact();
      case Step::kApply: return apply();
      case Step::kPrune: return prune();
      case Step::kFollow: return follow();
      case Step::kRebuild: return rebuild();
      case Step::kPurge: return told(database_->projection("followed").purge_table("last"));
      case Step::kPin: return pin();
      case Step::kUnpin: return told(database_->unpin("pin" + std::to_string(draw_.below(3))));
      case Step::kProve: return prove();
      case Step::kCheck: return check();
      case Step::kCheckpoint: return told(database_->checkpoint());
      case Step::kReopen: return reopen();
    }
    return "no such step";
  }

  std::string erase_range() {
    const std::string from = key();
    return told(database_->exec(bucket(), [&](Bucket& rows) { return rows.erase_range(from, from + "5"); }));
  }
  std::string several() {
    Transaction transaction = database_->begin(draw_.one_in(2) ? Isolation::kSerializable : Isolation::kSnapshot);
    std::string answer;
    for (uint64_t row = 0, rows = 1 + draw_.below(8); row < rows; ++row) {
      answer += told(transaction.bucket(bucket()).put(key(), value(300))) + " ";
    }
    const Savepoint savepoint = transaction.savepoint();
    for (uint64_t row = 0, rows = draw_.below(4); row < rows; ++row) {
      answer += told(transaction.bucket(bucket()).insert(key(), value(300))) + " ";
    }
    answer += told(transaction.stream(stream_name()).append(event())) + " ";
    if (draw_.one_in(2)) {
      answer += told(transaction.rollback_to(savepoint)) + " ";
    }
    return answer + told(transaction.commit());
  }
  std::string conflict() {
    const std::string name = bucket();
    const std::string contended = key();
    Transaction loser = database_->begin();
    const std::string put = told(loser.bucket(name).put(contended, "loser"));
    const std::string won = told(database_->put(name, contended, "winner"));
    return put + " " + won + " " + told(loser.commit());
  }
  std::string drop_bucket() {
    const std::string name = bucket();
    return told(database_->exec([&](Transaction& transaction) { return transaction.drop_bucket(name); }));
  }
  std::string append_many() {
    std::vector<std::string> events;
    for (uint64_t each = 0, count = 1 + draw_.below(20); each < count; ++each) {
      events.push_back(event());
    }
    const std::vector<std::string_view> views(events.begin(), events.end());
    std::optional<uint64_t> expected;
    if (draw_.one_in(3)) {
      expected = draw_.below(10);
    }
    return told(database_->stream(stream_name()).append_batch(views, expected, codec()));
  }
  std::string redact() {
    Stream stream = database_->stream(stream_name());
    return told(stream.redact(offset_of(stream)));
  }
  std::string trim() {
    Stream stream = database_->stream(stream_name());
    const auto trimmed = stream.trim(offset_of(stream));
    return trimmed ? "from " + std::to_string(trimmed->first_offset) + ", " +
                         told(Result<std::optional<Csn>>(trimmed->commit))
                   : trimmed.error().to_string();
  }
  std::string compact() {
    CompactOptions options;
    if (draw_.one_in(2)) {
      options.codec = codec();
    }
    const auto compacted = database_->stream(stream_name()).compact(options);
    return compacted ? std::to_string(compacted->segments_after) + " files, " + std::to_string(compacted->bytes_after) +
                           " bytes, " + std::to_string(compacted->commits.size()) + " commits"
                     : compacted.error().to_string();
  }
  std::string apply() {
    Projection projection = database_->projection("batches");
    const auto applied = projection.applied_position();
    WriteBatch batch((applied ? *applied : 0) + 1);
    for (uint64_t row = 0, rows = 1 + draw_.below(4); row < rows; ++row) {
      if (draw_.one_in(4)) {
        batch.erase("last", key());
      } else {
        batch.put("last", key(), value(100));
      }
    }
    return told(projection.apply(batch));
  }
  std::string prune() {
    Projection projection = database_->projection(draw_.one_in(2) ? "batches" : "followed");
    const auto applied = projection.applied_position();
    const auto pruned = projection.prune(applied ? draw_.below(*applied + 1) : 0);
    return pruned ? std::to_string(pruned->versions) + " versions" : pruned.error().to_string();
  }
  static Result<void> reduce(const StreamRecord& record, WriteBatch& batch) {
    batch.put("all", std::to_string(record.offset), std::to_string(record.payload_bytes));
    batch.put("last", record.payload.substr(0, 1) + "!", std::to_string(record.offset));
    return {};
  }
  std::string follow() {
    FollowOptions options;
    options.batch_events = static_cast<uint32_t>(1 + draw_.below(8));
    const auto followed = database_->projection("followed").follow("events", reduce, options);
    return followed ? "up to " + std::to_string(followed->to) : followed.error().to_string();
  }
  std::string rebuild() {
    const auto rebuilt = database_->projection("followed").rebuild(reduce);
    return rebuilt ? "up to " + std::to_string(rebuilt->position) : rebuilt.error().to_string();
  }
  std::string pin() {
    const auto pinned = database_->pin("pin" + std::to_string(draw_.below(3)));
    return pinned ? csn_text(pinned->csn) + " at " + std::to_string(pinned->wall_ns) : pinned.error().to_string();
  }
  std::string prove() {
    const Stream stream = database_->stream(stream_name());
    const auto head = stream.tree_head();
    if (!head || head->size == 0) {
      return head ? "nothing to prove" : head.error().to_string();
    }
    const auto path = stream.prove_inclusion(draw_.below(head->size), head->size);
    if (!path) {
      return path.error().to_string();
    }
    std::string text;
    for (const Hash& hash : *path) {
      text += hex(hash) + " ";
    }
    return text;
  }
  std::string check() {
    const auto report = database_->check();
    if (!report) {
      return report.error().to_string();
    }
    std::string text;
    for (const uint64_t number : {report->page_count, report->reachable_pages, report->free_pages, report->pinned_pages,
                                  report->rows, report->payload_bytes, report->records, report->versions}) {
      text += std::to_string(number) + " ";
    }
    for (const CheckReport::Damage& damage : report->damage) {
      text += "; " + damage.file + ": " + damage.what;
    }
    return text;
  }
  std::string reopen() {
    const std::string closed = close();
    options_.lanes = static_cast<uint16_t>(1 + draw_.below(4));
    return closed + ", " + open();
  }

  std::string path_;
  Draw draw_;
  Options options_;
  std::vector<Step> steps_;
  std::optional<Database> database_;
  bool all_is_durable_ = false;
};

}  // namespace holdfast::reality
