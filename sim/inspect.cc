#include "sim/inspect.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

#include "sim/projection_audit.h"
#include "sim/random.h"

namespace holdfast::sim {

namespace {

// What may remain reachable when all rows but the ledger's are gone: a few pages beyond this many times the payload.
constexpr uint64_t kRemainderFactor = 6;
constexpr uint64_t kRemainderPages = 24;
// Rows of the stream tree: blocks of records, and segments, which are small.
constexpr uint64_t kStreamBytesPerRecord = 16;

constexpr size_t kGetEvery = 7;          // rows that are also read by key
constexpr uint64_t kReadBytes = 20'000;  // of a stream, at a time
constexpr uint64_t kPositionsMax = 64;   // of a projection that are read

class Inspector {
 public:
  Inspector(Model& model, Tolerance tolerance) : model_(model), tolerance_(tolerance) {}

  Inspection read(const Database& database) {
    const Snapshot snapshot = database.snapshot();
    result_.contents.csn = to_int(snapshot.csn());
    const auto names = snapshot.buckets();
    if (!names) {
      result_.contents.buckets_complete = false;
      result_.contents.pins_complete = false;
      met(names.error(), "the list of buckets");
      return std::move(result_);
    }
    for (const std::string& name : *names) {
      if (broken) {
        break;
      }
      read_bucket(snapshot, name);
    }
    read_streams(snapshot);
    read_projections(snapshot);
    read_pins(database);
    return std::move(result_);
  }

  Verdict broken;

 private:
  void met(const Error& error, const std::string& what) {
    result_.met_damage = true;
    const bool excused =
        tolerance_ == Tolerance::kDamage && (error.code() == ErrorCode::kCorruption || error.code() == ErrorCode::kIo);
    if (!excused && !broken) {
      broken = "reading " + what + " answered " + error.to_string();
    }
  }

  void read_bucket(const Snapshot& snapshot, const std::string& name) {
    const BucketView view = snapshot.bucket(name);
    Contents::Bucket forward{model_.bucket(name), {}, true};
    Contents::Bucket backward{forward.bucket, {}, true};
    Range rows = view.all();
    for (const auto [key, value] : rows) {
      forward.rows.push_back({std::string(key), ValueMark::of(value)});
    }
    if (const auto status = rows.status(); !status) {
      forward.complete = false;
      met(status.error(), "bucket \"" + name + "\"");
    }
    Range reverse = view.all().reversed();
    for (const auto [key, value] : reverse) {
      backward.rows.push_back({std::string(key), ValueMark::of(value)});
    }
    if (const auto status = reverse.status(); !status) {
      backward.complete = false;
      met(status.error(), "bucket \"" + name + "\" backwards");
    }
    if (forward.complete && backward.complete &&
        !std::ranges::equal(forward.rows, backward.rows | std::views::reverse)) {
      broken = fmt::format("bucket \"{}\" has {} rows forwards and {} backwards, or they differ", name,
                           forward.rows.size(), backward.rows.size());
    }
    for (size_t index = 0; index < forward.rows.size() && !broken; index += kGetEvery) {
      get(view, name, forward.rows[index]);
    }
    result_.rows += forward.rows.size();
    result_.contents.buckets.push_back(std::move(forward));
    result_.reversed.push_back(std::move(backward));
  }

  void get(const BucketView& view, const std::string& name, const Row& row) {
    const auto value = view.get(row.key);
    if (!value) {
      return met(value.error(), "a key of bucket \"" + name + "\"");
    }
    if (!*value || !(ValueMark::of(**value) == row.value)) {
      broken = "bucket \"" + name + "\": get of key " + quoted(row.key) + " gave " +
               (*value ? ValueMark::of(**value).to_string() : "nothing") + ", but a scan " + row.value.to_string();
    }
  }

  void read_streams(const Snapshot& snapshot) {
    const auto names = snapshot.streams();
    if (!names) {
      result_.contents.streams_complete = false;
      return met(names.error(), "the list of streams");
    }
    for (const std::string& name : *names) {
      if (!broken) {
        read_stream(snapshot.stream(name), name);
      }
    }
  }

  void read_projections(const Snapshot& snapshot) {
    const auto names = snapshot.projections();
    if (!names) {
      return met(names.error(), "the list of projections");
    }
    const ProjectionModel& projections = model_.projections();
    for (const std::string& name : *names) {
      if (!projections.find(name) && !broken) {
        broken = "there is a projection named \"" + name + "\", which nobody made";
      }
    }
    for (ProjectionId id = 0; id < projections.count() && !broken; ++id) {
      ProjectionContents contents;
      contents.projection = id;
      const AuditPlan plan{.draws = mix(result_.contents.csn, id), .positions_max = kPositionsMax};
      const std::string& name = projections.name(id);
      if (const auto read = audit_projection(snapshot.projection(name), plan, contents, broken); !read) {
        met(read.error(), "projection \"" + name + "\"");
      } else if (contents.is_there != (std::ranges::find(*names, name) != names->end()) && !broken) {
        broken = "projection \"" + name + "\" is there, but is not listed, or the other way around";
      }
      if (broken) {
        broken = "projection \"" + name + "\": " + *broken;
      }
      result_.contents.projections.push_back(std::move(contents));
    }
  }

  void read_pins(const Database& database) {
    const auto pins = database.pins();
    if (!pins) {
      result_.contents.pins_complete = false;
      return met(pins.error(), "the list of pins");
    }
    for (const Pin& pin : *pins) {
      Contents::Pinned pinned;
      pinned.pin = {pin.name, to_int(pin.csn)};
      const auto snapshot = database.as_of(pin.name);
      const auto buckets =
          snapshot ? read_buckets(*snapshot, model_) : Result<std::vector<Contents::Bucket>>(fail(snapshot.error()));
      if (buckets) {
        pinned.buckets = *buckets;
      } else {
        pinned.complete = false;
        met(buckets.error(), "pin \"" + pin.name + "\"");
      }
      result_.contents.pins.push_back(std::move(pinned));
    }
  }

  void read_stream(const StreamView& view, const std::string& name) {
    StreamContents contents;
    contents.stream = model_.streams().stream(name);
    const auto head = view.head();
    const auto tree = view.tree_head();
    if (!head || !tree) {
      result_.contents.streams_complete = false;
      return met(head ? tree.error() : head.error(), "the head of stream \"" + name + "\"");
    }
    contents.first_offset = head->first_offset;
    contents.next_offset = head->next_offset;
    contents.chain_hash = head->chain_hash;
    contents.root = tree->root;
    for (uint64_t next = head->first_offset; next < head->next_offset && contents.complete && !broken;) {
      const auto records = view.read(next, kReadBytes);
      if (!records) {
        contents.complete = false;
        met(records.error(), "stream \"" + name + "\"");
        break;
      }
      if (records->empty()) {
        broken = "stream \"" + name + "\": a read gave no record, although there are more";
      }
      for (const StreamRecord& record : *records) {
        if (record.offset != next++) {
          broken = fmt::format("stream \"{}\": a read gave record {}, expected {}", name, record.offset, next - 1);
          break;
        }
        contents.records.push_back(seen_record(record));
      }
    }
    result_.rows += contents.records.size();
    if (contents.complete && !broken) {
      verify(view, name, *head);
    }
    result_.contents.streams.push_back(std::move(contents));
  }

  // Against what was kept of earlier lives; tampering is looked for elsewhere (tamper_probe.h).
  void verify(const StreamView& view, const std::string& name, const StreamHead& head) {
    if (tolerance_ != Tolerance::kNone) {
      return;
    }
    VerifyOptions options;
    const std::vector<TrustedHead>& trusted = model_.streams().trusted(model_.streams().stream(name));
    if (!trusted.empty()) {
      const TrustedHead& kept = trusted[(result_.contents.csn + head.next_offset) % trusted.size()];
      if (kept.size >= head.first_offset && kept.csn <= result_.contents.csn) {
        options.trusted_head = StreamHead{0, kept.size, kept.chain_hash};
        options.trusted_tree = TreeHead{kept.size, kept.root};
      }
    }
    const auto report = view.verify(options);
    if (!report) {
      return met(report.error(), "stream \"" + name + "\" to verify it");
    }
    if (report->finding) {
      broken = fmt::format("verify of stream \"{}\" found at record {}: {}: {} ({} at {})", name,
                           report->finding->offset, tamper_name(report->finding->kind), report->finding->what,
                           report->finding->file, report->finding->position);
    } else if (report->records != head.next_offset - head.first_offset) {
      broken = fmt::format("verify of stream \"{}\" looked at {} records, expected {}", name, report->records,
                           head.next_offset - head.first_offset);
    }
  }

  Model& model_;
  Tolerance tolerance_;
  Inspection result_;
};

}  // namespace

Result<std::vector<Contents::Bucket>> read_buckets(const Snapshot& snapshot, Model& model) {
  HOLDFAST_TRY_ASSIGN(const auto names, snapshot.buckets());
  std::vector<Contents::Bucket> buckets;
  for (const std::string& name : names) {
    Contents::Bucket bucket{model.bucket(name), {}, true};
    Range rows = snapshot.bucket(name).all();
    for (const auto [key, value] : rows) {
      bucket.rows.push_back({std::string(key), ValueMark::of(value)});
    }
    HOLDFAST_TRY(rows.status());
    buckets.push_back(std::move(bucket));
  }
  return buckets;
}

Verdict judge_buckets(const std::vector<Contents::Bucket>& buckets, const Model& model, uint64_t csn) {
  for (const Contents::Bucket& bucket : buckets) {
    if (!model.exists(bucket.bucket, csn)) {
      return "there is a bucket " + quoted(model.bucket_name(bucket.bucket)) + ", expected none";
    }
    if (Verdict verdict = model.judge_rows(bucket.bucket, bucket.rows, false, true, csn)) {
      return verdict;
    }
  }
  const size_t wanted = model.bucket_names(csn).size();
  return buckets.size() == wanted ? std::nullopt
                                  : Verdict(fmt::format("it has {} buckets, expected {}", buckets.size(), wanted));
}

Verdict judge_pins(const Contents& contents, const Model& model, uint64_t csn) {
  std::vector<SeenPin> pins;
  for (const Contents::Pinned& pinned : contents.pins) {
    pins.push_back(pinned.pin);
  }
  // Of an older state nobody remembers which pins it had.
  if (contents.pins_complete && csn == model.newest_csn()) {
    if (Verdict verdict = model.pins().judge(pins)) {
      return verdict;
    }
  }
  for (const Contents::Pinned& pinned : contents.pins) {
    if (pinned.pin.csn >= csn) {
      return fmt::format("pin \"{}\" is of commit {}, but the database shows commit {}", pinned.pin.name,
                         pinned.pin.csn, csn);
    }
    if (!pinned.complete) {
      continue;
    }
    if (const Verdict verdict = judge_buckets(pinned.buckets, model, pinned.pin.csn)) {
      return fmt::format("pin \"{}\" of commit {}: {}", pinned.pin.name, pinned.pin.csn, *verdict);
    }
  }
  return std::nullopt;
}

bool same_contents(const Contents& a, const Contents& b) {
  return a.csn == b.csn &&
         std::ranges::equal(a.buckets, b.buckets,
                            [](const auto& x, const auto& y) { return x.bucket == y.bucket && x.rows == y.rows; }) &&
         a.streams == b.streams && a.projections == b.projections;
}

SeenRecord seen_record(const StreamRecord& record) {
  return {record.prev_hash, record.redacted, record.payload_bytes, ValueMark::of(record.payload)};
}

Inspection inspect(const Database& database, Model& model, Tolerance tolerance, Verdict& broken) {
  Inspector inspector(model, tolerance);
  Inspection result = inspector.read(database);
  broken = std::move(inspector.broken);
  return result;
}

Verdict judge_contents(const Inspection& seen, const Model& model, uint64_t csn) {
  for (const bool reversed : {false, true}) {
    for (const Contents::Bucket& bucket : reversed ? seen.reversed : seen.contents.buckets) {
      if (Verdict verdict = model.judge_rows(bucket.bucket, bucket.rows, reversed, bucket.complete, csn)) {
        return verdict;
      }
    }
  }
  if (Verdict verdict = model.streams().judge_all(seen.contents.streams, csn)) {
    return verdict;
  }
  if (Verdict verdict = model.projections().judge_all(seen.contents.projections, seen.contents.streams, model.streams(),
                                                      csn, model.newest_csn())) {
    return verdict;
  }
  if (Verdict verdict = judge_pins(seen.contents, model, csn)) {
    return verdict;
  }
  const size_t wanted = model.bucket_names(csn).size();
  if (seen.contents.buckets_complete && seen.contents.buckets.size() != wanted) {
    return fmt::format("it has {} buckets, expected {}", seen.contents.buckets.size(), wanted);
  }
  return std::nullopt;
}

Verdict judge_pages(const CheckReport& report) {
  if (!report.damage.empty() || report.damaged_pages != 0) {
    const auto& first = report.damage.front();
    return fmt::format("check found damage in a sound database: {} (file {}, offset {}; {} in all)", first.what,
                       first.file, first.offset, report.damage.size());
  }
  const uint64_t sum = report.meta_pages + report.reachable_pages + report.free_pages + report.awaiting_pages;
  if (sum != report.page_count) {
    return fmt::format("check accounts for {} of {} pages: {} meta, {} reachable, {} free, {} awaiting a snapshot", sum,
                       report.page_count, report.meta_pages, report.reachable_pages, report.free_pages,
                       report.awaiting_pages);
  }
  return std::nullopt;
}

Verdict judge_counts(const CheckReport& report, const Model& model, uint64_t csn, Snapshots snapshots) {
  if (snapshots == Snapshots::kNone && report.awaiting_pages != 0) {
    return fmt::format("{} pages await a snapshot, but none is alive", report.awaiting_pages);
  }
  if (report.rows != model.row_count(csn) || report.payload_bytes != model.payload_bytes(csn) ||
      report.buckets != model.bucket_names(csn).size()) {
    return fmt::format("check counted {} buckets, {} rows, {} bytes; expected {}, {}, {}", report.buckets, report.rows,
                       report.payload_bytes, model.bucket_names(csn).size(), model.row_count(csn),
                       model.payload_bytes(csn));
  }
  const StreamModel& streams = model.streams();
  if (report.streams != streams.streams(csn) || report.records != streams.records(csn)) {
    return fmt::format("check counted {} streams with {} records; expected {}, {}", report.streams, report.records,
                       streams.streams(csn), streams.records(csn));
  }
  return std::nullopt;
}

Verdict check_soundness(Database& database, const Model& model, uint64_t csn) {
  const auto report = database.check();
  if (!report) {
    return "check answered " + report.error().to_string();
  }
  const Verdict verdict = judge_pages(*report);
  return verdict ? verdict : judge_counts(*report, model, csn, Snapshots::kNone);
}

Verdict judge_remainder(Database& database, uint32_t page_bytes) {
  const auto report = database.check();
  if (!report) {
    return "check answered " + report.error().to_string();
  }
  const uint64_t payload = report->payload_bytes + kStreamBytesPerRecord * report->records;
  const uint64_t allowed = kRemainderPages + kRemainderFactor * payload / page_bytes;
  if (report->reachable_pages > allowed) {
    return fmt::format(
        "after all was erased but {} rows of {} bytes and {} records, {} pages are still reachable, expected at most "
        "{}",
        report->rows, report->payload_bytes, report->records, report->reachable_pages, allowed);
  }
  return std::nullopt;
}

}  // namespace holdfast::sim
