// See exhaust_program.h. The run of a program: its operations, and what the oracle is told of them.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sim/exhaust_program.h"
#include "sim/inspect.h"
#include "sim/live_pages.h"
#include "sim/projection_events.h"

namespace holdfast::sim {

namespace {

constexpr const char* kWho = "the program";
constexpr const char* kProjectionName = "batches";
constexpr uint64_t kProcessSeed = 1000;

constexpr size_t kLargeBytes = 80'000;
constexpr size_t kHugeBytes = 100'000;

// No two of its sectors are the same.
std::string filled(const std::string& value, size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    text += fmt::format("{} {} ", value, text.size());
  }
  return text;
}

// A database in which each operation has something to do.
constexpr std::array kPreparation = {Op::kMulti, Op::kSeal,   Op::kAppend,     Op::kSeal,  Op::kAppend,
                                     Op::kApply, Op::kReopen, Op::kCheckpoint, Op::kApply, Op::kPut};

Personality personality_of(const ExhaustSetup& setup) {
  Personality personality = kPosixMin;
  personality.atomic_unit = setup.atomic_unit;
  return personality;
}

}  // namespace

ProgramRun::ProgramRun(const ExhaustSetup& setup, ProgramWatcher& watcher)
    : setup_(setup), watcher_(watcher), disk_(personality_of(setup)) {
  Model& model = oracle_.model();
  rows_ = model.bucket("rows");
  other_ = model.bucket("other");
  model.bucket(Oracle::kLedger);
  stream_ = model.streams().stream(kStreamName);
  projection_ = model.projections().projection(kProjectionName, std::nullopt);
}

Verdict ProgramRun::run(const ExhaustProgram& program) {
  Verdict broken = open();
  if (!broken && setup_.origin == Origin::kPrepared) {
    broken = prepare();
  }
  if (!broken) {
    between();
  }
  for (size_t index = 0; index < program.size() && !broken; ++index) {
    operation_ = index + 1;
    broken = take(program[index]);
    if (!broken) {
      between();
    }
  }
  quiet_ = true;
  process_->env().kill();
  database_.reset();
  return broken ? broken : violated_;
}

Verdict ProgramRun::prepare() {
  for (const Op op : kPreparation) {
    if (Verdict broken = take(op)) {
      return broken;
    }
  }
  return std::nullopt;
}

Verdict ProgramRun::open() {
  process_ = std::make_unique<ExhaustProcess>(disk_, *this, kProcessSeed + lives_++);
  Options options = exhaust_options(setup_, process_->env());
  options.create_if_missing = !created_;
  auto opened = Database::open("db", options);
  if (!opened) {
    return "opening it answered " + opened.error().to_string();
  }
  database_ = std::move(*opened);
  created_ = true;
  quiet_ = true;
  if (const auto meta = newest_meta(disk_.file(*disk_.find(*disk_.find_directory("db"), "tree")))) {
    oracle().model().streams().set_database_id(meta->database_id);
  }
  Verdict broken;
  Inspection seen = inspect(*database_, oracle().model(), Tolerance::kNone, broken);
  quiet_ = false;
  return broken ? broken : oracle().recovered(std::move(seen.contents));
}

Verdict ProgramRun::reopen() {
  const ProjectionModel::Mark mark = projections().mark();
  if (const auto closed = database_->close(); !closed) {
    return "close answered " + closed.error().to_string();
  }
  projections().durable(mark);
  if (Verdict broken = oracle().certain(kWho, oracle_.floor())) {
    return broken;
  }
  database_.reset();
  process_.reset();
  oracle().crashed();
  between();
  return open();
}

Verdict ProgramRun::take(Op op) {
  switch (op) {
    case Op::kPut: return put("a", new_value());
    case Op::kErase: return erase();
    case Op::kMulti: return multi();
    case Op::kAppend: return append();
    case Op::kDefer: return put("deferred", new_value(), Durability::kDeferred);
    case Op::kWait: return wait();
    case Op::kCheckpoint: return checkpoint();
    case Op::kApply: return apply();
    case Op::kSeal: return seal();
    case Op::kRedact: return redact();
    case Op::kTrim: return trim();
    case Op::kCompact: return compact();
    case Op::kPrune: return prune();
    case Op::kLarge: return put("large", filled(new_value(), kLargeBytes));
    case Op::kHuge: return put("huge", filled(new_value(), kHugeBytes));
    case Op::kReopen: return reopen();
    case Op::kCount: break;
  }
  return std::nullopt;
}

// --- its operations

ProgramRun::LogPointer ProgramRun::new_log() {
  const Asked asked = oracle().ask();
  auto log = std::make_shared<TxnLog>();
  log->id = oracle().next_transaction_id();
  log->who = kWho;
  log->snapshot_csn = asked.floor;
  log->asked = asked.at;
  return log;
}

Verdict ProgramRun::answered(const LogPointer& log, const Result<Commit>& answer) {
  if (!answer) {
    return "it answered " + answer.error().to_string();
  }
  newest_csn_ = to_int(answer->csn);
  return oracle().committed(log->id, newest_csn_);
}

Verdict ProgramRun::put(const char* key, const std::string& value, Durability durability) {
  const LogPointer log = new_log();
  log->put(rows_, key, value);
  log->deferred = durability == Durability::kDeferred;
  oracle().committing(log);
  return answered(log, database_->put("rows", key, value, durability));
}

Verdict ProgramRun::erase() {
  const LogPointer log = new_log();
  const bool is_there = oracle_.model().get(rows_, "a", oracle_.floor()) != nullptr;
  log->erase(rows_, "a", is_there);
  if (is_there) {
    oracle().committing(log);
  }
  const auto erased = database_->erase("rows", "a");
  if (erased && *erased != is_there) {
    return fmt::format("erase answered {}", *erased ? "yes" : "no");
  }
  if (!is_there) {
    return erased ? std::nullopt : Verdict("erase answered " + erased.error().to_string());
  }
  return answered(log, erased ? Result<Commit>(Commit{Csn{log->snapshot_csn + 1}}) : fail(erased.error()));
}

Verdict ProgramRun::multi() {
  const LogPointer log = new_log();
  Transaction transaction = database_->begin();
  log->snapshot_csn = to_int(transaction.snapshot_csn());
  for (const auto& [name, id] : {std::pair("rows", rows_), std::pair("other", other_)}) {
    const std::string value = new_value();
    if (const auto put = transaction.bucket(name).put("a", value); !put) {
      return "put answered " + put.error().to_string();
    }
    log->put(id, "a", value);
  }
  const std::string event = new_value();
  if (const auto appended = transaction.stream(kStreamName).append(event); !appended) {
    return "append answered " + appended.error().to_string();
  }
  log->append(stream_, event);
  oracle().committing(log);
  return answered(log, transaction.commit());
}

Verdict ProgramRun::append() {
  const LogPointer log = new_log();
  log->blind = true;
  const std::string event = new_value();
  log->append(stream_, event);
  oracle().committing(log);
  const auto answer = stream().append(event);
  if (answer) {
    log->told_offset = answer->first_offset;
  }
  return answered(log, answer ? Result<Commit>(Commit{answer->csn}) : fail(answer.error()));
}

Verdict ProgramRun::wait() {
  if (const auto waited = database_->wait_durable(Csn{newest_csn_}); !waited) {
    return "wait_durable answered " + waited.error().to_string();
  }
  return oracle().certain(kWho, newest_csn_);
}

Verdict ProgramRun::checkpoint() {
  const uint64_t floor = oracle_.floor();
  const ProjectionModel::Mark mark = projections().mark();
  if (const auto made = database_->checkpoint(); !made) {
    return "checkpoint answered " + made.error().to_string();
  }
  projections().durable(mark);
  return oracle().certain(kWho, floor);
}

Verdict ProgramRun::apply() {
  const bool was_there = projections().is_there(projection_);
  const LogPointer log = new_log();
  log->blind = true;
  const uint64_t position = projections().known(projection_) + 1;
  const uint64_t payload = mix(log->id, position);
  const Sha256 hash = audit::sha256(std::to_string(payload));
  WriteBatch batch(position, hash);
  reduce(payload, batch);
  log->batches.push_back({projection_, position, payload, hash});
  if (!projections().begin(projection_, ProjectionModel::Work::kApply)) {
    return "the model does not allow it";
  }
  projections().may_be_made(projection_);
  projections().attempted(projection_, position);
  oracle().hide(1, Durability::kDurable);
  oracle().committing(log);
  const auto answer = database_->projection(kProjectionName).apply(batch);
  if (answer) {
    projections().made(projection_);
    projections().applied(projection_, position);
  }
  if (Verdict broken = answered(log, answer)) {
    return broken;
  }
  projections().end(projection_, ProjectionModel::Work::kApply);
  if (Verdict broken = learn()) {
    return broken;
  }
  if (!was_there) {
    projections().changed(projection_, oracle_.floor());
  }
  return std::nullopt;
}

// Looks at the newest state, so that commits of which nobody is told are counted.
Verdict ProgramRun::learn() {
  const Asked asked = oracle().ask();
  const uint64_t csn = to_int(database_->snapshot().csn());
  if (Verdict broken = oracle().shown(kWho, csn, asked.floor)) {
    return broken;
  }
  oracle().nothing_hidden();
  newest_csn_ = std::max(newest_csn_, csn);
  return std::nullopt;
}

ProgramRun::LogPointer ProgramRun::upkeep_log(StreamWrite::Kind kind, uint64_t offset) {
  LogPointer log = new_log();
  log->blind = true;
  log->stream_write(kind, stream_, offset);
  oracle().committing(log);
  return log;
}

Verdict ProgramRun::upkeep_answered(const LogPointer& log, const Result<std::optional<Csn>>& answer) {
  if (answer && !*answer) {
    return oracle().refused(log->id);
  }
  return answered(log, answer ? Result<Commit>(Commit{**answer}) : fail(answer.error()));
}

Verdict ProgramRun::seal() {
  const LogPointer log = upkeep_log(StreamWrite::Kind::kTidy, 0);
  return upkeep_answered(log, stream().seal());
}

Verdict ProgramRun::redact() {
  const auto head = stream().head();
  if (!head || head->first_offset == head->next_offset) {
    return head ? std::nullopt : Verdict("head answered " + head.error().to_string());
  }
  // Sealed first, so that the redaction is one commit.
  if (Verdict broken = seal()) {
    return broken;
  }
  const LogPointer log = upkeep_log(StreamWrite::Kind::kRedact, head->first_offset);
  return upkeep_answered(log, stream().redact(head->first_offset));
}

Verdict ProgramRun::trim() {
  const auto head = stream().head();
  if (!head) {
    return "head answered " + head.error().to_string();
  }
  // The oldest segment only, where there are several.
  const LogPointer log = upkeep_log(StreamWrite::Kind::kTrim, head->first_offset + 1);
  const auto report = stream().trim(head->first_offset + 1);
  if (report && report->commit) {
    log->told_offset = report->first_offset;
  }
  return upkeep_answered(log, report ? Result<std::optional<Csn>>(report->commit) : fail(report.error()));
}

Verdict ProgramRun::compact() {
  CompactOptions options;
  // After the first file, so that it is one commit.
  options.progress = [](uint64_t, uint64_t) { return false; };
  const LogPointer log = upkeep_log(StreamWrite::Kind::kTidy, 0);
  const auto report = stream().compact(options);
  std::optional<Csn> csn;
  if (report && !report->commits.empty()) {
    csn = report->commits.front();
  }
  return upkeep_answered(log, report ? Result<std::optional<Csn>>(csn) : fail(report.error()));
}

Verdict ProgramRun::prune() {
  if (!projections().is_there(projection_)) {
    return std::nullopt;
  }
  if (!projections().begin(projection_, ProjectionModel::Work::kPrune)) {
    return "the model does not allow it";
  }
  const uint64_t before = projections().known(projection_);
  oracle().hide(2, Durability::kDeferred);
  const size_t raise = projections().begin_prune(projection_, before);
  PruneOptions options;
  options.progress = [&](uint64_t) {
    oracle().hide(1, Durability::kDeferred);
    return true;
  };
  const auto report = database_->projection(kProjectionName).prune(before, options);
  if (!report) {
    return "prune answered " + report.error().to_string();
  }
  if (Verdict broken = projections().pruned(projection_, raise, report->floor)) {
    return broken;
  }
  projections().end(projection_, ProjectionModel::Work::kPrune);
  if (Verdict broken = learn()) {
    return broken;
  }
  projections().changed(projection_, oracle_.floor());
  return std::nullopt;
}

// --- who watches

void ProgramRun::contract_violated(std::string_view what) {
  if (!violated_) {
    violated_ = "the engine broke the environment's contract: " + std::string(what);
  }
}

void ProgramRun::on_io(const IoEvent& event, bool before) {
  if (!changes_disk(event.kind)) {
    return;
  }
  if (!before) {
    ++state_;
    if (changes_.empty() || changes_.back().last < disk_.moment()) {
      changes_.push_back(DiskChange::of(event));
      changes_.back().last = disk_.moment();
    }
  }
  if (!quiet_) {
    show(&event, before);
  }
}

void ProgramRun::between() { show(nullptr, false); }

void ProgramRun::show(const IoEvent* event, bool before) {
  watcher_.at({disk_, oracle_, ++points_, state_, allowed_, operation_, created_, event, before, changes_});
}

}  // namespace holdfast::sim
