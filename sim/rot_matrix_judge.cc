#include "sim/rot_matrix_judge.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sim/live_pages.h"
#include "sim/log_marks.h"
#include "sim/rot_matrix_compare.h"

namespace holdfast::sim {

namespace {

constexpr uint64_t kSeed = 7;

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
    if (Verdict wrong = all_lives()) {
      return {RotOutcome::kWrong, *wrong};
    }
    if (!noticed_.empty()) {
      return {is_open_ ? RotOutcome::kDetected : RotOutcome::kShut,
              noticed_ + (accepted_ ? fmt::format("; recover then shows commit {} of {}", to_int(accepted_->last_csn),
                                                  world_.states.back().csn)
                                    : "")};
    }
    if (lost_ > 0) {
      return {RotOutcome::kTornTail, fmt::format("{} commits are gone", lost_)};
    }
    return {is_repaired_ ? RotOutcome::kRepaired : RotOutcome::kHarmless, ""};
  }

 private:
  enum class Life : uint8_t {
    kReadOnly,  // read
    kFirst,     // read, written to, and killed
    kSecond,    // recovered, read
    kUpkeep,    // streams and projections are rewritten; read, and killed
    kAfter,     // recovered, read
    kAccepted,  // after an open that was refused, and a recovery that accepts the loss: read
  };

  // `noticed_` is what those say who write, and do nothing else.
  Verdict all_lives() {
    if (Verdict wrong = live(Life::kReadOnly)) {
      return "opened read-only: " + *wrong;
    }
    begin_again();
    if (Verdict wrong = live(Life::kFirst)) {
      return wrong;
    }
    const bool refused = refused_;
    if (!refused) {
      if (Verdict wrong = live(Life::kSecond)) {
        return wrong;
      }
      is_repaired_ = is_repaired(disk_, image_, layout_);
    }
    const std::string noticed = noticed_;
    const uint64_t lost = lost_;
    begin_again();
    Verdict wrong = refused ? accept_loss() : live(Life::kUpkeep);
    if (!wrong && !refused && !refused_) {
      wrong = live(Life::kAfter);
    }
    noticed_ = noticed;
    lost_ = lost;
    return wrong ? Verdict((refused ? "after an explicit recovery: " : "while it is kept up: ") + *wrong)
                 : std::nullopt;
  }

  void begin_again() {
    disk_ = damaged_;
    noticed_.clear();
    changes_ = {};
    refused_ = false;
    lost_ = 0;
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
      is_open_ = true;
      wrong = life == Life::kUpkeep ? keep_up(*database) : std::nullopt;
      if (!wrong) {
        wrong = look(*database, life);
      }
      if (!wrong && life == Life::kFirst) {
        wrong = write(*database);
      } else if (wrong || life != Life::kUpkeep) {
        if (const auto closed = database->close(); !closed && !wrong) {
          wrong = take(closed.error(), "close");
        }
      }
    }
    // Some end here, with what they wrote last in the log.
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
    if (life == Life::kReadOnly || life == Life::kFirst || life == Life::kAccepted) {
      if (Verdict verdict = find_state(seen.contents.csn)) {
        return verdict;
      }
    }
    if (Verdict verdict = compare_with_truth(seen, *truth_, changes_, names_)) {
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
    if (accepted_) {
      return judge_loss(csn, newest, watermark);
    }
    if (!torn_tail_allows(image_, layout_, csn, watermark)) {
      return fmt::format("it silently shows commit {}, expected {}; the log still says that {} was durable", csn,
                         newest, watermark);
    }
    lost_ = newest - csn;
    return std::nullopt;
  }

  // A loss that is accepted is told.
  Verdict judge_loss(uint64_t csn, uint64_t newest, uint64_t watermark) const {
    const uint64_t last_lost = to_int(accepted_->last_lost);
    if (accepted_->damage.empty() || to_int(accepted_->first_lost) != csn + 1 || last_lost > newest ||
        (csn < watermark && last_lost < watermark)) {
      return fmt::format(
          "it shows commit {} of {}, but recover said of the damage \"{}\", and that {} to {} may be lost; the log "
          "still "
          "says that {} was durable",
          csn, newest, accepted_->damage, to_int(accepted_->first_lost), last_lost, watermark);
    }
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
    changes_.row.may_be = changes_.event.may_be = true;
    if (const auto put = database.put(kRotBucket, kRotKey, kRotValue); put) {
      changes_.row.must_be = true;
    } else if (Verdict verdict = take(put.error(), "put")) {
      return verdict;
    }
    if (const auto made = database.checkpoint(); !made) {
      if (Verdict verdict = take(made.error(), "checkpoint")) {
        return verdict;
      }
    }
    const auto appended = database.stream(kRotStream).append(kRotEvent);
    changes_.event.must_be = appended.has_value();
    return appended ? std::nullopt : take(appended.error(), "append");
  }

  // Rewrites files of a stream, and makes a projection anew, from what is damaged.
  Verdict keep_up(Database& database) {
    if (Verdict verdict = find_state(to_int(database.snapshot().csn()))) {
      return verdict;
    }
    changes_.redacted.may_be = changes_.rebuilt.may_be = true;
    if (const auto compacted = database.stream(kRotStream).compact({.codec = Codec::kZstd}); !compacted) {
      if (Verdict verdict = take(compacted.error(), "compact")) {
        return verdict;
      }
    }
    const auto redacted = database.stream(kRotStream).redact(kRotRedacted);
    changes_.redacted.must_be = redacted.has_value();
    if (!redacted) {
      if (Verdict verdict = take(redacted.error(), "redact")) {
        return verdict;
      }
    }
    Projection projection = database.projection(kRotProjection);
    if (const auto followed = projection.follow(kRotFollowed, rot_reduce); !followed) {
      if (Verdict verdict = take(followed.error(), "follow")) {
        return verdict;
      }
    }
    const auto rebuilt = projection.rebuild(rot_reduce);
    changes_.rebuilt.must_be = rebuilt.has_value();
    if (!rebuilt) {
      return take(rebuilt.error(), "rebuild");
    }
    return rebuilt->same() ? std::nullopt : Verdict("a rebuild made other tables");
  }

  // Who accepts the loss is told of it, and shown one of the states that were.
  Verdict accept_loss() {
    Hooks hooks;
    RotProcess process(disk_, hooks, kSeed + static_cast<uint64_t>(Life::kAccepted));
    const auto report = Database::recover("db", rot_options(process.env()));
    process.env().kill();
    disk_.process_kill();
    if (!report) {
      return take(report.error(), "recover");
    }
    accepted_ = *report;
    return live(Life::kAccepted);
  }

  const RotWorld& world_;
  const std::vector<Region>& layout_;
  const RotImage& image_;
  Model& names_;
  SimDisk disk_;
  SimDisk damaged_;
  Epoch wal_epoch_{};
  const Contents* truth_ = nullptr;
  RotChanges changes_;
  std::string noticed_;
  bool refused_ = false;
  uint64_t lost_ = 0;
  bool is_repaired_ = false;
  bool is_open_ = false;  // it could be, in one way or another
  std::optional<RecoveryReport> accepted_;
};

}  // namespace

std::string_view name_of(RotOutcome outcome) {
  switch (outcome) {
    case RotOutcome::kDetected: return "detected";
    case RotOutcome::kShut: return "shut";
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
