#include "sim/rot_matrix_judge.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sim/live_pages.h"
#include "sim/log_marks.h"

namespace holdfast::sim {

namespace {

constexpr uint64_t kSeed = 7;
constexpr std::string_view kKey = "key";
constexpr std::string_view kValue = "what was put into a damaged database";
constexpr std::string_view kEvent = "what was appended to a damaged database";

class Hooks final : public DiskHooks {
 public:
  void contract_violated(std::string_view what) override {
    if (!violated) {
      violated = "the engine broke the environment's contract: " + std::string(what);
    }
  }
  Verdict violated;
};

// The one loss that is legal (DESIGN, promises under faults: "damage in a WAL frame that was already acknowledged ...
// is told apart from a torn tail because later frames carry the durable watermark that was known when they were
// written"). So it is not told apart where no later frame was written: the damage lies in the last flush of a lane, the
// first commit that is gone was in a damaged frame of it, and no frame that can still be read, of any lane, says that
// this commit was durable.
bool torn_tail_allows(const RotImage& image, const std::vector<Region>& layout, uint64_t shown_csn,
                      uint64_t watermark) {
  const uint64_t first_lost = shown_csn + 1;
  const auto is_hit = [&](const Region& region) {
    return std::ranges::any_of(image.patches, [&](const Patch& patch) {
      return patch.file == region.file && patch.sector * kSectorBytes < region.unit_end &&
             region.unit_begin < (patch.sector + 1) * kSectorBytes;
    });
  };
  return watermark <= shown_csn && std::ranges::any_of(layout, [&](const Region& region) {
           return region.is_last_flush && to_int(region.first_csn) <= first_lost &&
                  first_lost <= to_int(region.last_csn) && is_hit(region);
         });
}

// --- comparing

using Rows = std::vector<Row>;

// Whether `seen` is `truth`, or, where damage ended the reading, a beginning of it.
bool is_start_of(const Rows& seen, const Rows& truth, bool complete) {
  return (complete ? seen.size() == truth.size() : seen.size() <= truth.size()) &&
         std::equal(seen.begin(), seen.end(), truth.begin());
}

// What may be new since the truth was seen.
struct Added {
  bool row_may_be = false, row_must_be = false;
  bool event_may_be = false, event_must_be = false;
};

class Comparison {
 public:
  Comparison(const Inspection& seen, const Contents& truth, const Added& added, Model& names)
      : seen_(seen), truth_(truth), added_(added), names_(names) {}

  Verdict compare() {
    if (Verdict verdict = buckets(seen_.contents.buckets, false)) {
      return verdict;
    }
    if (Verdict verdict = buckets(seen_.reversed, true)) {
      return verdict;
    }
    if (Verdict verdict = list_of_buckets()) {
      return verdict;
    }
    if (Verdict verdict = streams()) {
      return verdict;
    }
    if (Verdict verdict = projections()) {
      return verdict;
    }
    return pins();
  }

 private:
  Verdict buckets(const std::vector<Contents::Bucket>& seen, bool reversed) {
    for (const Contents::Bucket& bucket : seen) {
      const std::string name = names_.bucket_name(bucket.bucket);
      if (name == kRotBucket) {
        const Rows wanted = {{std::string(kKey), ValueMark::of(kValue)}};
        if (!added_.row_may_be || !is_start_of(bucket.rows, wanted, bucket.complete)) {
          return "the row that was put into the damaged database is another one";
        }
        has_row_ = true;
        continue;
      }
      const auto truth = std::ranges::find(truth_.buckets, bucket.bucket, &Contents::Bucket::bucket);
      if (truth == truth_.buckets.end()) {
        return fmt::format("there is a bucket \"{}\", expected none", name);
      }
      Rows wanted = truth->rows;
      if (reversed) {
        std::ranges::reverse(wanted);
      }
      if (!is_start_of(bucket.rows, wanted, bucket.complete)) {
        return fmt::format("bucket \"{}\"{} has {} rows, expected {}, or they differ", name,
                           reversed ? " backwards" : "", bucket.rows.size(), wanted.size());
      }
    }
    return std::nullopt;
  }

  Verdict list_of_buckets() const {
    if (!seen_.contents.buckets_complete) {
      return std::nullopt;
    }
    for (const Contents::Bucket& bucket : truth_.buckets) {
      if (std::ranges::find(seen_.contents.buckets, bucket.bucket, &Contents::Bucket::bucket) ==
          seen_.contents.buckets.end()) {
        return fmt::format("bucket \"{}\" is not there", names_.bucket_name(bucket.bucket));
      }
    }
    return added_.row_must_be && !has_row_ ? Verdict("the row that was put into the damaged database is gone")
                                           : std::nullopt;
  }

  // Where the list of buckets cannot be read, nobody looks further.
  Verdict streams() const {
    if (!seen_.contents.buckets_complete) {
      return std::nullopt;
    }
    for (const StreamContents& stream : seen_.contents.streams) {
      const auto truth = std::ranges::find(truth_.streams, stream.stream, &StreamContents::stream);
      if (truth == truth_.streams.end()) {
        return "there is a stream, expected none";
      }
      const std::string& name = names_.streams().name(stream.stream);
      if (Verdict verdict = compare_stream(stream, *truth, name == kRotStream)) {
        return fmt::format("stream \"{}\": {}", name, *verdict);
      }
    }
    if (seen_.contents.streams_complete && seen_.contents.streams.size() != truth_.streams.size()) {
      return fmt::format("it has {} streams, expected {}", seen_.contents.streams.size(), truth_.streams.size());
    }
    return std::nullopt;
  }

  Verdict compare_stream(const StreamContents& stream, const StreamContents& truth, bool may_grow) const {
    const bool grew = may_grow && added_.event_may_be && stream.next_offset == truth.next_offset + 1;
    if (may_grow && added_.event_must_be && !grew) {
      return fmt::format("the event that was appended to the damaged database is gone; it ends at {}",
                         stream.next_offset);
    }
    if (stream.first_offset != truth.first_offset || (!grew && stream.next_offset != truth.next_offset)) {
      return fmt::format("it goes from {} to {}, expected {} to {}", stream.first_offset, stream.next_offset,
                         truth.first_offset, truth.next_offset);
    }
    if (!grew && (stream.chain_hash != truth.chain_hash || stream.root != truth.root)) {
      return "its hashes are other ones";
    }
    const size_t wanted = truth.records.size() + (grew ? 1 : 0);
    if (stream.complete ? stream.records.size() != wanted : stream.records.size() > wanted) {
      return fmt::format("{} records can be read, expected {}", stream.records.size(), wanted);
    }
    for (size_t index = 0; index < stream.records.size(); ++index) {
      const bool same = index < truth.records.size() ? stream.records[index] == truth.records[index]
                                                     : stream.records[index].payload == ValueMark::of(kEvent);
      if (!same) {
        return fmt::format("record {} is another one", stream.first_offset + index);
      }
    }
    return std::nullopt;
  }

  Verdict projections() const {
    for (const ProjectionContents& seen : seen_.contents.projections) {
      const auto truth = std::ranges::find(truth_.projections, seen.projection, &ProjectionContents::projection);
      if (!seen.is_known) {
        continue;
      }
      const std::string name = names_.projections().name(seen.projection);
      const bool hash_hidden = seen_.met_damage && seen.hash == Sha256{};
      if (truth == truth_.projections.end() || seen.is_there != truth->is_there || seen.applied != truth->applied ||
          seen.floor != truth->floor || seen.generation != truth->generation || seen.stream != truth->stream ||
          (seen.hash != truth->hash && !hash_hidden)) {
        return fmt::format(
            "projection \"{}\" is at position {}, expected {}, or its floor, generation, stream or hash "
            "differs",
            name, seen.applied, truth == truth_.projections.end() ? 0 : truth->applied);
      }
      for (size_t table = 0; table < seen.tables.size(); ++table) {
        for (size_t key = 0; key < seen.tables[table].size(); ++key) {
          const auto& versions = seen.tables[table][key];
          if (versions ? versions != truth->tables[table][key] : !seen_.met_damage) {
            return fmt::format("projection \"{}\": key {} of table {} has other versions", name, key, table);
          }
        }
      }
    }
    return std::nullopt;
  }

  Verdict pins() const {
    for (const Contents::Pinned& pinned : seen_.contents.pins) {
      const auto truth = std::ranges::find_if(
          truth_.pins, [&](const Contents::Pinned& each) { return each.pin.name == pinned.pin.name; });
      if (truth == truth_.pins.end() || truth->pin.csn != pinned.pin.csn) {
        return fmt::format("there is a pin \"{}\" of commit {}, expected none", pinned.pin.name, pinned.pin.csn);
      }
      const bool same = std::ranges::equal(pinned.buckets, truth->buckets, [](const auto& a, const auto& b) {
        return a.bucket == b.bucket && a.rows == b.rows;
      });
      if (pinned.complete && !same) {
        return fmt::format("pin \"{}\" shows another state", pinned.pin.name);
      }
    }
    if (seen_.contents.pins_complete && seen_.contents.pins.size() != truth_.pins.size()) {
      return fmt::format("it has {} pins, expected {}", seen_.contents.pins.size(), truth_.pins.size());
    }
    return std::nullopt;
  }

  const Inspection& seen_;
  const Contents& truth_;
  const Added& added_;
  Model& names_;
  bool has_row_ = false;
};

// --- one image

class Trial {
 public:
  Trial(const RotWorld& world, const std::vector<Region>& layout, const RotImage& image, Model& names)
      : world_(world), layout_(layout), image_(image), names_(names), disk_(world.disk) {
    const auto meta = newest_meta(disk_.file(*disk_.find(*disk_.find_directory("db"), "tree")));
    wal_epoch_ = meta ? meta->log.epoch : Epoch{};
    damage(disk_, image);
    damaged_ = disk_;
  }

  RotFinding run() {
    Verdict wrong = read_only();
    if (!wrong) {
      wrong = live(Life::kFirst);
    }
    if (!wrong && !refused_) {
      wrong = live(Life::kSecond);
    }
    if (wrong) {
      return {RotOutcome::kWrong, *wrong};
    }
    if (!noticed_.empty()) {
      return {RotOutcome::kDetected, noticed_};
    }
    if (lost_ > 0) {
      return {RotOutcome::kTornTail, fmt::format("{} commits are gone", lost_)};
    }
    return {is_repaired(disk_, image_, layout_) ? RotOutcome::kRepaired : RotOutcome::kHarmless, ""};
  }

 private:
  enum class Life : uint8_t { kReadOnly, kFirst, kSecond };

  // What it shows then must be right, too; what it says does not count as noticed by those who write.
  Verdict read_only() {
    const Verdict wrong = live(Life::kReadOnly);
    noticed_.clear();
    refused_ = false;
    lost_ = 0;
    disk_ = damaged_;
    return wrong ? Verdict("opened read-only: " + *wrong) : std::nullopt;
  }

  void noticed(const std::string& how) {
    if (noticed_.empty()) {
      noticed_ = how;
    }
  }

  // An error of damage. Any other is as wrong as wrong data: whoever reads it looks for the cause elsewhere.
  Verdict take(const Error& error, const char* what) {
    switch (error.code()) {
      case ErrorCode::kCorruption:
      case ErrorCode::kIo:
      case ErrorCode::kReadOnly:
      case ErrorCode::kOutcomeUnknown:
      case ErrorCode::kUnsupported:
        if (error.code() == ErrorCode::kCorruption && !is_blamed(error.file())) {
          return fmt::format("{} answered {}, which blames another file than the damaged one", what, error.to_string());
        }
        noticed(fmt::format("{}: {}", what, error.to_string()));
        return std::nullopt;
      default: return fmt::format("{} answered {}, expected corruption or io", what, error.to_string());
    }
  }

  // A segment that is missing has no file: the error names the lane.
  bool is_blamed(std::string_view file) const {
    return std::ranges::any_of(image_.patches, [&](const Patch& patch) { return patch.file.starts_with(file); });
  }

  Verdict live(Life life) {
    Hooks hooks;
    RotProcess process(disk_, hooks, kSeed + static_cast<uint64_t>(life));
    Options options = rot_options(process.env());
    options.read_only = life == Life::kReadOnly;
    Verdict wrong;
    auto database = Database::open("db", options);
    if (!database) {
      wrong = take(database.error(), "open");
      refused_ = true;
    } else {
      wrong = look(*database, life);
      if (!wrong && life == Life::kFirst) {
        wrong = write(*database);
      } else if (const auto closed = database->close(); !closed && !wrong) {
        wrong = take(closed.error(), "close");
      }
    }
    // The first life ends here, with what it wrote last in the log.
    process.env().kill();
    disk_.process_kill();
    return wrong ? wrong : hooks.violated;
  }

  Verdict look(Database& database, Life life) {
    Verdict broken;
    const Inspection seen = inspect(database, names_, Tolerance::kDamage, broken);
    if (broken) {
      return broken;
    }
    bool met_damage = seen.met_damage;
    if (met_damage) {
      noticed("reading");
    }
    if (life != Life::kSecond) {
      if (Verdict verdict = find_state(seen.contents.csn)) {
        return verdict;
      }
    }
    if (Verdict verdict = Comparison(seen, *truth_, added_, names_).compare()) {
      return verdict;
    }
    for (const StreamContents& stream : seen.contents.streams) {
      if (Verdict verdict = verify(database, stream, met_damage)) {
        return verdict;
      }
    }
    return life == Life::kReadOnly ? std::nullopt : check(database, met_damage);
  }

  // Which state it is that is shown.
  Verdict find_state(uint64_t csn) {
    const uint64_t newest = world_.states.back().csn;
    const auto state = std::ranges::find(world_.states, csn, &Contents::csn);
    if (state == world_.states.end()) {
      return fmt::format("it shows commit {}, expected {}", csn, newest);
    }
    truth_ = &*state;
    if (csn == newest) {
      return std::nullopt;
    }
    const uint64_t watermark = watermark_left();
    if (!torn_tail_allows(image_, layout_, csn, watermark)) {
      return fmt::format("it silently shows commit {}, expected {}; the log still says that {} was durable", csn,
                         newest, watermark);
    }
    lost_ = newest - csn;
    return std::nullopt;
  }

  // The highest watermark of a frame whose header the damage has left.
  uint64_t watermark_left() const {
    SimDisk disk = world_.disk;
    const uint32_t directory = *disk.find_directory("db");
    for (const Patch& patch : image_.patches) {
      const uint32_t file = *disk.find(directory, patch.file);
      const uint64_t offset = patch.sector * kSectorBytes;
      disk.write(file, offset,
                 std::span(patch.bytes).first(std::min<uint64_t>(kSectorBytes, disk.file(file).size() - offset)));
    }
    return readable_watermark(disk, directory, wal_epoch_);
  }

  Verdict verify(const Database& database, const StreamContents& stream, bool& met_damage) {
    const auto report = database.snapshot().stream(names_.streams().name(stream.stream)).verify();
    if (!report) {
      met_damage = true;
      return take(report.error(), "verify");
    }
    if (report->finding) {
      met_damage = true;
      noticed("verify: " + report->finding->what);
    }
    return std::nullopt;
  }

  Verdict check(Database& database, bool met_damage) {
    const auto report = database.check();
    if (!report) {
      return take(report.error(), "check");
    }
    if (report->damage.empty()) {
      return met_damage ? "reading or verify met damage, but check reports none" : judge_pages(*report);
    }
    const CheckReport::Damage& first = report->damage.front();
    noticed(fmt::format("check: {} at {}: {}", first.file, first.offset, first.what));
    return std::ranges::any_of(report->damage, [&](const auto& each) { return is_damaged(each.file, each.offset); })
               ? std::nullopt
               : Verdict(fmt::format("check names another place than the damaged one: {} at {}: {}", first.file,
                                     first.offset, first.what));
  }

  // Whether the place is in what was damaged: in the same page, run or frame, or else in the same file.
  bool is_damaged(std::string_view file, uint64_t offset) const {
    return std::ranges::any_of(image_.patches, [&](const Patch& patch) {
      return patch.file == file &&
             (file != "tree" || std::ranges::any_of(layout_, [&](const Region& region) {
                return region.file == file && region.unit_begin <= offset && offset < region.unit_end &&
                       region.begin < (patch.sector + 1) * kSectorBytes && patch.sector * kSectorBytes < region.end;
              }));
    });
  }

  // A checkpoint in between, so that pages are taken and given back; the rest is left to the log.
  Verdict write(Database& database) {
    added_.row_may_be = added_.event_may_be = true;
    if (const auto put = database.put(kRotBucket, kKey, kValue); put) {
      added_.row_must_be = true;
    } else if (Verdict verdict = take(put.error(), "put")) {
      return verdict;
    }
    if (const auto made = database.checkpoint(); !made) {
      if (Verdict verdict = take(made.error(), "checkpoint")) {
        return verdict;
      }
    }
    const auto appended = database.stream(kRotStream).append(kEvent);
    added_.event_must_be = appended.has_value();
    return appended ? std::nullopt : take(appended.error(), "append");
  }

  const RotWorld& world_;
  const std::vector<Region>& layout_;
  const RotImage& image_;
  Model& names_;
  SimDisk disk_;
  SimDisk damaged_;
  Epoch wal_epoch_{};
  const Contents* truth_ = nullptr;
  Added added_;
  std::string noticed_;
  bool refused_ = false;
  uint64_t lost_ = 0;
};

}  // namespace

std::string_view name_of(RotOutcome outcome) {
  switch (outcome) {
    case RotOutcome::kDetected: return "detected";
    case RotOutcome::kRepaired: return "repaired";
    case RotOutcome::kHarmless: return "harmless";
    case RotOutcome::kTornTail: return "torn tail";
    case RotOutcome::kWrong: return "SILENTLY WRONG";
    case RotOutcome::kCount: break;
  }
  return "?";
}

RotJudge::RotJudge(const RotWorld& world, const std::vector<Region>& layout)
    : world_(world), layout_(layout), names_(rot_names()) {}

RotFinding RotJudge::judge(const RotImage& image) { return Trial(world_, layout_, image, *names_).run(); }

}  // namespace holdfast::sim
