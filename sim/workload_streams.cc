// See workload.h. What a client does with streams: events in transactions and batches, reads, proofs, and upkeep.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <holdfast/proof.h>

#include "sim/inspect.h"
#include "sim/workload.h"

namespace holdfast::sim {

namespace {

constexpr uint64_t kBatchMax = 8;
constexpr uint64_t kLongBatchMax = 300;  // more than a block of a stream
constexpr uint64_t kWaitNsMax = 3'000'000;
constexpr uint64_t kReadBytesMax = 4'000;
constexpr uint64_t kReadsMax = 4;

}  // namespace

StreamId Client::stream_id(uint32_t number) {
  const Unwatched unwatched;
  return world_.oracle.model().streams().stream("stream" + std::to_string(number));
}

Codec Client::draw_codec() { return static_cast<Codec>(generator_.below(3)); }

bool Client::append_event(TxnLog& log, Transaction& transaction) {
  const Watched in_the_engine;
  const Before seen = before();
  const StreamId id = stream_id(generator_.stream());
  const std::string event = generator_.event(log.id, writes_made_++);
  if (const auto appended = transaction.stream(stream_name(id)).append(event, draw_codec()); !appended) {
    return excuse(appended.error(), seen, "append");
  }
  log.append(id, event);
  const Unwatched unwatched;  // the counters are the simulator's, of all clients
  ++world_.counters.appended_records;
  return true;
}

bool Client::look_at_head(TxnLog& log, Transaction& transaction) {
  const Watched in_the_engine;
  const Before seen = before();
  const StreamId id = stream_id(generator_.stream());
  StreamWriter stream = transaction.stream(stream_name(id));
  const auto head = stream.head();
  if (!head) {
    return excuse(head.error(), seen, "head");
  }
  log.stream_head(id, head->first_offset, head->next_offset);
  if (!log.marker.empty() && generator_.one_in(3)) {
    if (const auto expected = stream.expect(head->next_offset); !expected) {
      return excuse(expected.error(), seen, "expect");
    }
    log.stream_write(StreamWrite::Kind::kExpect, id, head->next_offset);
  }
  return true;
}

void Client::append_batch() {
  if (generator_.one_in(8)) {
    return only_expect();
  }
  const StreamId id = stream_id(generator_.stream());
  holdfast::Stream stream = watched([&] { return database_.stream(stream_name(id)); });
  const Asked asked = world_.oracle.ask();
  const auto log = new_log(asked.floor, asked, Isolation::kSnapshot);
  log->blind = true;
  std::optional<uint64_t> expected;
  if (generator_.one_in(3)) {
    const Before seen = before();
    const auto head = watched([&] { return stream.head(); });
    if (!head) {
      excuse(head.error(), seen, "head");
      return;
    }
    log->expects_wrongly = generator_.one_in(4);
    expected = head->next_offset + (log->expects_wrongly ? 1 + generator_.below(3) : 0);
    if (log->expects_wrongly && head->next_offset > 0 && generator_.one_in(2)) {
      expected = head->next_offset - 1;
    }
  }
  const uint64_t count = 1 + generator_.below(generator_.one_in(12) ? kLongBatchMax : kBatchMax);
  std::vector<std::string> payloads;
  for (uint64_t event = 0; event < count; ++event) {
    payloads.push_back(generator_.event(log->id, writes_made_++));
    log->append(id, payloads.back());
  }
  const std::vector<std::string_view> events(payloads.begin(), payloads.end());
  if (expected) {
    log->stream_write(StreamWrite::Kind::kExpect, id, *expected);
  }
  operations_left_ -= std::min(operations_left_, count / 8);
  const Codec codec = draw_codec();
  const Before seen = before();
  const Durability durability = draw_durability(*log);
  world_.oracle.committing(log);
  const auto answer = watched([&] { return stream.append_batch(events, expected, codec, durability); });
  if (!answer) {
    return commit_answered(log, fail(answer.error()), seen);
  }
  world_.counters.appended_records += count;
  log->told_offset = answer->first_offset;
  if (answer->next_offset - answer->first_offset != count) {
    world_.broken(fmt::format("{}: a batch of {} events got records {} to {}", name_, count, answer->first_offset,
                              answer->next_offset));
  }
  commit_answered(log, Commit{answer->csn}, seen);
}

// A transaction that changes nothing and expects a stream to have so many records: its commit number is that of a state
// in which it has.
void Client::only_expect() {
  const StreamId id = stream_id(generator_.stream());
  const Asked asked = world_.oracle.ask();
  const Before seen = before();
  Transaction transaction = watched([&] { return database_.begin(Isolation::kSnapshot); });
  const uint64_t snapshot_csn = to_int(transaction.snapshot_csn());
  StreamWriter stream = transaction.stream(stream_name(id));
  const auto head = watched([&] { return stream.head(); });
  if (!head) {
    excuse(head.error(), seen, "head");
    return;
  }
  const bool wrongly = generator_.one_in(3);
  const uint64_t expected = head->next_offset + (wrongly ? 1 : 0);
  if (const auto noted = watched([&] { return stream.expect(expected); }); !noted) {
    excuse(noted.error(), seen, "expect");
    return;
  }
  const auto answer = watched([&] { return transaction.commit(); });
  if (answer) {
    const auto log = new_log(to_int(answer->csn), asked, Isolation::kSnapshot);
    log->stream_head(id, kUnknownOffset, expected);
    world_.expect(world_.oracle.certain(name_, to_int(answer->csn)));
    world_.expect(world_.oracle.looked(log));
  } else if (answer.error().code() != ErrorCode::kConflict) {
    excuse(answer.error(), seen, "commit of a transaction that only expects");
  } else if (!wrongly && !world_.oracle.others_after(snapshot_csn, 0) && world_.errors_injected() == 0 &&
             !world_.was_full() && !world_.over()) {
    world_.broken(
        fmt::format("{}: a transaction that only expects met a conflict, but nothing was committed since its "
                    "snapshot {}",
                    name_, snapshot_csn));
  }
}

bool Client::trimmed(const Error& error, StreamId id, uint64_t offset) {
  const Unwatched unwatched;
  return error.code() == ErrorCode::kNotFound && world_.oracle.model().streams().may_be_trimmed(id, offset);
}

bool Client::read_records(TxnLog& log, const StreamView& view, StreamId id) {
  const Watched in_the_engine;
  const Before seen = before();
  const auto head = view.head();
  if (!head) {
    return excuse(head.error(), seen, "head");
  }
  log.stream_head(id, head->first_offset, head->next_offset);
  uint64_t next = head->first_offset + generator_.below(head->next_offset - head->first_offset + 1);
  for (uint64_t reads = 1 + generator_.below(kReadsMax); reads > 0 && !world_.over(); --reads) {
    Step step;
    step.kind = Step::Kind::kReadStream;
    step.bucket = id;
    step.offset = next;
    step.limit = generator_.below(kReadBytesMax);
    const auto records = view.read(next, step.limit);
    step.found = records.has_value();
    if (!records && records.error().code() != ErrorCode::kNotFound) {
      return excuse(records.error(), seen, "read of a stream");
    }
    if (records) {
      for (const StreamRecord& record : *records) {
        if (record.offset != next++) {
          world_.broken(fmt::format("{}: a read of stream \"{}\" gave record {} where {} belongs", name_,
                                    stream_name(id), record.offset, next - 1));
        }
        step.records.push_back(seen_record(record));
      }
    }
    log.steps.push_back(std::move(step));
    if (!records) {
      return true;
    }
  }
  return true;
}

void Client::read_stream() {
  const StreamId id = stream_id(generator_.stream());
  const TrustedHead kept = draw_trusted(id);  // so that the snapshot holds it
  const Before seen = before();
  const Asked asked = world_.oracle.ask();
  const Snapshot snapshot = watched([&] { return database_.snapshot(); });
  const uint64_t csn = to_int(snapshot.csn());
  world_.expect(world_.oracle.shown(name_, csn, asked.floor));
  const StreamView view = snapshot.stream(stream_name(id));
  const auto log = std::make_shared<TxnLog>();
  log->who = name_;
  log->snapshot_csn = csn;
  log->asked = asked.at;
  log->shown = world_.oracle.next_moment();
  if (generator_.one_in(2)) {
    read_records(*log, view, id);
    world_.expect(world_.oracle.looked(log));
    return;
  }
  const auto head = watched([&] { return view.head(); });
  const auto tree = watched([&] { return view.tree_head(); });
  if (!head || !tree) {
    excuse(head ? tree.error() : head.error(), seen, "head");
    return;
  }
  log->stream_head(id, head->first_offset, head->next_offset);
  world_.expect(world_.oracle.looked(log));
  VerifyOptions options;
  options.threads = 1 + static_cast<uint32_t>(generator_.below(2));
  if (generator_.one_in(2)) {
    options.from = generator_.below(head->next_offset + 1);
    options.to = options.from + generator_.below(head->next_offset + 1 - options.from);
  }
  if (kept.size > 0 && kept.size >= head->first_offset) {
    options.trusted_head = StreamHead{0, kept.size, kept.chain_hash};
    options.trusted_tree = TreeHead{kept.size, kept.root};
  }
  const auto report = watched([&] { return view.verify(options); });
  if (!report) {
    if (!trimmed(report.error(), id, head->first_offset)) {
      excuse(report.error(), seen, "verify");
    }
    return;
  }
  if (world_.over()) {
    return;
  }
  if (report->finding) {
    if (world_.errors_in_files() == 0) {
      world_.broken(fmt::format("{}: verify of stream \"{}\" found at record {}: {}: {} ({} at {})", name_,
                                stream_name(id), report->finding->offset, tamper_name(report->finding->kind),
                                report->finding->what, report->finding->file, report->finding->position));
    }
    return;
  }
  if (csn <= world_.oracle.durable_floor()) {
    world_.oracle.model().streams().trust(id, {head->next_offset, head->chain_hash, tree->root, csn});
  }
}

TrustedHead Client::draw_trusted(StreamId id) {
  const std::vector<TrustedHead>& trusted = world_.oracle.model().streams().trusted(id);
  return trusted.empty() ? TrustedHead{} : trusted[static_cast<size_t>(generator_.below(trusted.size()))];
}

void Client::prove() {
  const StreamId id = stream_id(generator_.stream());
  const TrustedHead kept = draw_trusted(id);  // so that the snapshot holds it
  const Before seen = before();
  const Asked asked = world_.oracle.ask();
  const Snapshot snapshot = watched([&] { return database_.snapshot(); });
  world_.expect(world_.oracle.shown(name_, to_int(snapshot.csn()), asked.floor));
  const StreamView view = snapshot.stream(stream_name(id));
  const auto head = watched([&] { return view.head(); });
  const auto tree = watched([&] { return view.tree_head(); });
  if (!head || !tree) {
    excuse(head ? tree.error() : head.error(), seen, "head");
    return;
  }
  const auto wrong = [&](const std::string& what) {
    if (!world_.over()) {
      world_.broken(fmt::format("{}: stream \"{}\" of {} records: {}", name_, stream_name(id), tree->size, what));
    }
  };
  if (kept.size > 0) {
    const auto growth = watched([&] { return view.prove_consistency(kept.size, tree->size); });
    if (!growth) {
      if (!(growth.error().code() == ErrorCode::kNotFound && kept.size < head->first_offset) &&
          !trimmed(growth.error(), id, head->first_offset)) {
        excuse(growth.error(), seen, "prove_consistency");
      }
      return;
    }
    if (const auto good = proof::check_consistency(kept.size, kept.root, tree->size, tree->root, *growth); !good) {
      wrong(fmt::format("the proof that it grew from {} records does not hold: {}", kept.size, good.error().message));
    }
  }
  if (head->first_offset == head->next_offset) {
    return;
  }
  const uint64_t offset = head->first_offset + generator_.below(head->next_offset - head->first_offset);
  Hash leaf = head->chain_hash;
  if (offset + 1 < head->next_offset) {
    const auto next = watched([&] { return view.read(offset + 1, 1); });
    if (!next) {
      if (!trimmed(next.error(), id, offset + 1)) {
        excuse(next.error(), seen, "read of a stream");
      }
      return;
    }
    leaf = next->front().prev_hash;
  }
  const auto path = watched([&] { return view.prove_inclusion(offset, tree->size); });
  if (!path) {
    if (!trimmed(path.error(), id, head->first_offset)) {
      excuse(path.error(), seen, "prove_inclusion");
    }
    return;
  }
  if (const auto good = proof::check_inclusion(leaf, offset, tree->size, tree->root, *path); !good) {
    wrong(fmt::format("the proof of record {} does not hold: {}", offset, good.error().message));
  }
}

std::optional<StreamHead> Client::head_of(const holdfast::Stream& stream) {
  const Before seen = before();
  auto head = watched([&] { return stream.head(); });
  if (!head) {
    excuse(head.error(), seen, "head");
    return std::nullopt;
  }
  return *head;
}

void Client::wait_stream() {
  const StreamId id = stream_id(generator_.stream());
  holdfast::Stream stream = watched([&] { return database_.stream(stream_name(id)); });
  const Before seen = before();
  const std::optional<StreamHead> head = head_of(stream);
  if (!head) {
    return;
  }
  const uint64_t ahead = generator_.below(3);
  const uint64_t offset = head->next_offset + ahead - (head->next_offset > 0 && ahead == 0 ? 1 : 0);
  const auto grown = watched([&] { return stream.wait(offset, generator_.below(kWaitNsMax)); });
  if (!grown) {
    excuse(grown.error(), seen, "wait");
    return;
  }
  const std::optional<StreamHead> now = head_of(stream);
  if (!now) {
    return;
  }
  if (!world_.over() && (*grown ? now->next_offset <= offset : head->next_offset > offset)) {
    world_.broken(fmt::format("{}: wait for record {} of stream \"{}\" answered {}; it had {} records, then {}", name_,
                              offset, stream_name(id), *grown ? "yes" : "no", head->next_offset, now->next_offset));
  }
}

std::shared_ptr<TxnLog> Client::upkeep_log(StreamWrite::Kind kind, StreamId id, uint64_t offset) {
  const Asked asked = world_.oracle.ask();
  auto log = new_log(asked.floor, asked, Isolation::kSnapshot);
  log->blind = true;
  log->stream_write(kind, id, offset);
  world_.oracle.committing(log);
  return log;
}

bool Client::upkeep_answered(const std::shared_ptr<TxnLog>& log, const Result<std::optional<Csn>>& answer,
                             const Before& before) {
  if (answer && !*answer) {
    world_.expect(world_.oracle.refused(log->id));
    return true;
  }
  commit_answered(log, answer ? Result<Commit>(Commit{**answer}) : fail(answer.error()), before);
  return answer.has_value();
}

bool Client::seal_stream(StreamId id) {
  holdfast::Stream stream = watched([&] { return database_.stream(stream_name(id)); });
  const Before seen = before();
  const auto log = upkeep_log(StreamWrite::Kind::kTidy, id, 0);
  return upkeep_answered(log, watched([&] { return stream.seal(); }), seen);
}

void Client::redact() {
  const StreamId id = stream_id(generator_.stream());
  holdfast::Stream stream = watched([&] { return database_.stream(stream_name(id)); });
  const std::optional<StreamHead> head = head_of(stream);
  if (!head) {
    return;
  }
  // Sealed first, so that the redaction is one commit.
  if (head->first_offset == head->next_offset || !seal_stream(id) || world_.over()) {
    return;
  }
  const uint64_t offset = head->first_offset + generator_.below(head->next_offset - head->first_offset);
  const Before now = before();
  const auto log = upkeep_log(StreamWrite::Kind::kRedact, id, offset);
  const auto answer = watched([&] { return stream.redact(offset); });
  if (!answer && trimmed(answer.error(), id, offset)) {
    world_.expect(world_.oracle.refused(log->id));
    return;
  }
  // One of them is this one.
  if (answer && !*answer && world_.oracle.model().streams().redactions_begun(id, offset) < 2 && !world_.over()) {
    world_.broken(fmt::format("{}: redact said that record {} of stream \"{}\" was redacted already, which nobody did",
                              name_, offset, stream_name(id)));
  }
  upkeep_answered(log, answer, now);
}

void Client::trim() {
  const StreamId id = stream_id(generator_.stream());
  holdfast::Stream stream = watched([&] { return database_.stream(stream_name(id)); });
  const Before seen = before();
  const std::optional<StreamHead> head = head_of(stream);
  if (!head) {
    return;
  }
  const uint64_t before_offset = head->first_offset + generator_.below(head->next_offset - head->first_offset + 2);
  const auto log = upkeep_log(StreamWrite::Kind::kTrim, id, before_offset);
  log->needs = projections().needs_of(id);
  const auto report = watched([&] { return stream.trim(before_offset); });
  if (report && report->commit) {
    log->told_offset = report->first_offset;
  }
  upkeep_answered(log, report ? Result<std::optional<Csn>>(report->commit) : fail(report.error()), seen);
}

void Client::compact_stream() {
  const StreamId id = stream_id(generator_.stream());
  holdfast::Stream stream = watched([&] { return database_.stream(stream_name(id)); });
  const Before seen = before();
  CompactOptions options;
  if (generator_.one_in(2)) {
    options.codec = draw_codec();
  }
  // After the first file, so that it is one commit.
  options.progress = [](uint64_t, uint64_t) { return false; };
  const auto log = upkeep_log(StreamWrite::Kind::kTidy, id, 0);
  const auto report = watched([&] { return stream.compact(options); });
  if (report && report->commits.size() > 1) {
    world_.broken(
        fmt::format("{}: compact went on for {} files, although it was stopped", name_, report->commits.size()));
  }
  std::optional<Csn> csn;
  if (report && !report->commits.empty()) {
    csn = report->commits.front();
  }
  upkeep_answered(log, report ? Result<std::optional<Csn>>(csn) : fail(report.error()), seen);
}

}  // namespace holdfast::sim
