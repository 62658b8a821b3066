#include "sim/copies.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "format/meta.h"
#include "format/page.h"
#include "sim/copy_process.h"
#include "sim/damage.h"
#include "sim/generator.h"
#include "sim/inspect.h"

namespace holdfast::sim {

namespace {

constexpr auto kStream = Stream::kProbe;

// Both copies of one meta page are garbage: the one loss that a torn neighbour may cause (see fault/torn_neighbour.h).
bool lost_a_meta_page(const CopyContext& context, const SimDisk& disk) {
  const auto directory = disk.find_directory("db");
  const auto file = directory ? disk.find(*directory, "tree") : std::nullopt;
  const uint64_t page = context.config.page_bytes;
  return file &&
         ((is_damaged(disk, *file, 0, kSectorBytes) && is_damaged(disk, *file, page - kSectorBytes, kSectorBytes)) ||
          (is_damaged(disk, *file, page, kSectorBytes) &&
           is_damaged(disk, *file, 2 * page - kSectorBytes, kSectorBytes)));
}

// `refused`: set if the database may be, and was, refused because of a torn neighbour.
Verdict recover_copy(const CopyContext& context, SimDisk& copy, Decisions& decisions, Trace& trace, Contents& contents,
                     bool& refused) {
  CopyProcess process(context, copy, decisions, trace, nullptr);
  auto database = process.open();
  if (!database) {
    const Error& error = database.error();
    refused = error.code() == ErrorCode::kCorruption && error.file() == "tree" && lost_a_meta_page(context, copy);
    if (refused) {
      return process.violated();
    }
    return "opening it answered " + database.error().to_string();
  }
  Verdict broken;
  Inspection seen = inspect(*database, context.oracle.model(), Tolerance::kNone, broken);
  context.counters.rows_checked += seen.rows;
  contents = std::move(seen.contents);
  if (!broken && decisions.chance(kStream, 1, 4)) {
    if (const auto report = database->check(); !report) {
      broken = "check answered " + report.error().to_string();
    } else if (!report->damage.empty() || report->awaiting_pages != 0 ||
               report->meta_pages + report->reachable_pages + report->free_pages != report->page_count) {
      broken =
          fmt::format("check found {} damaged places ({}), or does not account for all {} pages", report->damage.size(),
                      report->damage.empty() ? "" : report->damage.front().what, report->page_count);
    }
  }
  return broken ? broken : process.violated();
}

bool same_contents(const Contents& a, const Contents& b) {
  return a.csn == b.csn && std::ranges::equal(a.buckets, b.buckets, [](const auto& x, const auto& y) {
           return x.bucket == y.bucket && x.rows == y.rows;
         });
}

}  // namespace

CopyResult crash_probe(const CopyContext& context, const SimDisk& disk, Decisions decisions) {
  const SingleThreaded inline_only;
  Trace trace;
  const bool kill = decisions.chance(kStream, 1, 3);
  SimDisk copy = kill ? disk : disk.power_cut(decisions);
  if (kill) {
    copy.process_kill();
  }
  uint64_t torn = 0;
  if (!kill && decisions.chance(kStream, 1, 3)) {
    torn = tear_neighbours(disk, copy, decisions.pick(kStream, std::array<uint32_t, 3>{10, 50, 100}), decisions);
    context.counters.faults[static_cast<size_t>(fault::Kind::kTornNeighbour)] += torn;
  }
  const std::string what =
      kill ? "a crash probe (process killed at this moment, on a copy of the disk): "
           : fmt::format(
                 "a crash probe (power cut at this moment, on a copy of the disk; {} units with torn neighbours): ",
                 torn);
  Contents first;
  CopyResult result;
  bool refused = false;
  result.verdict = with_prefix(what, recover_copy(context, copy, decisions, trace, first, refused));
  result.digest = trace.digest();
  if (refused) {
    ++context.counters.torn_refused;
    return result;
  }
  if (!result.verdict) {
    result.verdict = with_prefix(what, context.oracle.probed(first));
  }
  if (!result.verdict && decisions.chance(kStream, 1, 2)) {
    const std::string again = what + "after the recovery the power was cut once more: ";
    SimDisk cut = copy.power_cut(decisions);
    Contents second;
    result.verdict = with_prefix(again, recover_copy(context, cut, decisions, trace, second, refused));
    if (!result.verdict && !same_contents(first, second)) {
      result.verdict =
          again + fmt::format("it showed commit {}, now it shows commit {}, or other rows", first.csn, second.csn);
    }
  }
  result.digest = trace.digest();
  return result;
}

namespace {

class RotProbe {
 public:
  RotProbe(const CopyContext& context, const SimDisk& disk, Decisions& decisions)
      : context_(context), model_(context.oracle.model()), copy_(disk), decisions_(decisions) {}

  void set_transfers_fail() { transfers_fail_ = true; }
  // The bytes at rest are good: whoever reads again finds nothing.
  void set_passing() { passing_ = true; }

  // What was done to the disk; empty: nothing that shows.
  std::string damage() {
    std::string text;
    const auto directory = copy_.find_directory("db");
    const std::vector<std::string> names = copy_.list(*directory);
    constexpr std::array<fault::Kind, 4> kKinds = {fault::Kind::kBitRot, fault::Kind::kZeroedSector,
                                                   fault::Kind::kStaleSector, fault::Kind::kLatentSector};
    const uint64_t count = 1 + decisions_.below(kStream, 3);
    bool meta_hit = false;
    if (const auto sector = free_map_sector(*directory); sector && decisions_.chance(kStream, 1, 8)) {
      const auto file = copy_.find(*directory, "tree");
      if (exchange_bits(copy_, *file, *sector, format::kPageHeaderBytes, decisions_.draw(kStream))) {
        ++context_.counters.faults[static_cast<size_t>(fault::Kind::kBitRot)];
        return fmt::format("bit_rot of tree at {}, in the free map", *sector * kSectorBytes);
      }
    }
    // Branches are few among the pages, and a wrong way down is the worst that a bit can do.
    if (const auto sector = branch_sector(*directory); sector && decisions_.chance(kStream, 1, 4)) {
      const auto file = copy_.find(*directory, "tree");
      if (damage_sector(copy_, *file, *sector, fault::Kind::kBitRot, decisions_.draw(kStream))) {
        ++context_.counters.faults[static_cast<size_t>(fault::Kind::kBitRot)];
        return fmt::format("bit_rot of tree at {}, in a branch", *sector * kSectorBytes);
      }
    }
    for (uint64_t done = 0; done < count; ++done) {
      // Mostly the tree; its first pages more often than their share.
      const bool any_file = decisions_.chance(kStream, 1, 8);
      const std::string name = any_file ? names[static_cast<size_t>(decisions_.below(kStream, names.size()))] : "tree";
      const auto file = copy_.find(*directory, name);
      const uint64_t sectors =
          (copy_.file(*file).size() + kSectorBytes - 1) / kSectorBytes;  // identity is less than one
      if (sectors == 0) {
        continue;
      }
      const uint64_t reach = decisions_.chance(kStream, 1, 3) ? std::min<uint64_t>(sectors, 64) : sectors;
      const uint64_t sector = decisions_.below(kStream, reach);
      const fault::Kind kind = decisions_.pick(kStream, kKinds);
      // The newest state is named by the four copies of the meta pages alone: damage to several at once can make an
      // older one of them look right, and nobody can tell.
      const bool meta = name == "tree" && sector * kSectorBytes < uint64_t{2} * context_.config.page_bytes;
      if (meta && meta_hit) {
        continue;
      }
      meta_hit = meta_hit || meta;
      if (damage_sector(copy_, *file, sector, kind, decisions_.draw(kStream))) {
        ++context_.counters.faults[static_cast<size_t>(kind)];
        blamed_ = text.empty() || blamed_ == name ? name : "";
        text += fmt::format("{}{} of {} at {}", text.empty() ? "" : ", ", fault::info(kind).name, name,
                            sector * kSectorBytes);
      }
    }
    return text;
  }

  Verdict examine(IoFaults* faults) {
    CopyProcess process(context_, copy_, decisions_, trace_, faults);
    auto database = process.open();
    if (!database) {
      return refusal(database.error(), "opening it");
    }
    last_look_.reset();
    Verdict verdict = look(*database, model_.newest_csn());
    if (!verdict) {
      verdict = write(*database);
    }
    if (!verdict) {
      verdict = look(*database, model_.newest_csn());
    }
    return verdict ? verdict : process.violated();
  }

  void cut_power() { copy_ = copy_.power_cut(decisions_); }
  bool detected() const { return detected_; }
  uint64_t digest() const { return trace_.digest(); }
  void forget_writes() {
    for (; written_ > 0; --written_) {
      model_.undo();
    }
  }

 private:
  // One sector of one branch page, in use or not; nothing if there is none.
  std::optional<uint64_t> branch_sector(uint32_t directory) {
    const Inode& tree = copy_.file(*copy_.find(directory, "tree"));
    const uint64_t page_bytes = context_.config.page_bytes;
    std::vector<uint64_t> branches;  // offsets
    for (uint64_t offset = format::kMetaPages * page_bytes; offset + page_bytes <= tree.size(); offset += page_bytes) {
      std::array<std::byte, format::kPageHeaderBytes> header{};
      tree.read_truth(offset, header);
      if (format::header_of(header.data()).kind == static_cast<uint8_t>(format::PageKind::kBranch)) {
        branches.push_back(offset);
      }
    }
    if (branches.empty()) {
      return std::nullopt;
    }
    const uint64_t page = branches[static_cast<size_t>(decisions_.below(kStream, branches.size()))];
    return page / kSectorBytes + decisions_.below(kStream, page_bytes / kSectorBytes);
  }

  // Of the page that says which pages are free, if there is one such page.
  std::optional<uint64_t> free_map_sector(uint32_t directory) const {
    const Inode& tree = copy_.file(*copy_.find(directory, "tree"));
    std::optional<format::Meta> newest;
    for (const uint64_t offset : {uint64_t{0}, uint64_t{context_.config.page_bytes}}) {
      std::array<std::byte, format::kMetaCopyBytes> bytes{};
      tree.read_truth(offset, bytes);
      const auto meta = format::decode_meta(bytes);
      if (meta && (!newest || std::tie(meta->epoch, meta->csn) > std::tie(newest->epoch, newest->csn))) {
        newest = *meta;
      }
    }
    if (!newest || newest->free_map.is_null() || newest->free_map_level != 0) {
      return std::nullopt;
    }
    return uint64_t{to_int(newest->free_map.page)} * newest->page_bytes / kSectorBytes;
  }

  // What could be read before something was written can be read after it: damage does not spread.
  Verdict compare_with_last_look(const Inspection& seen) {
    const std::optional<Inspection> before = std::exchange(last_look_, seen);
    if (!before || transfers_fail_) {
      return std::nullopt;
    }
    if (before->contents.buckets_complete && !seen.contents.buckets_complete) {
      return "after some puts the list of buckets cannot be read any more";
    }
    const auto check = [&](const std::vector<Contents::Bucket>& was,
                           const std::vector<Contents::Bucket>& is) -> Verdict {
      for (const Contents::Bucket& bucket : was) {
        const auto now = std::ranges::find(is, bucket.bucket, &Contents::Bucket::bucket);
        if (now != is.end() && (now->rows.size() < bucket.rows.size() || (bucket.complete && !now->complete))) {
          return fmt::format("after some puts {} rows of bucket \"{}\" can be read, before them {}", now->rows.size(),
                             model_.bucket_name(bucket.bucket), bucket.rows.size());
        }
      }
      return std::nullopt;
    };
    const Verdict verdict = check(before->contents.buckets, seen.contents.buckets);
    return verdict ? verdict : check(before->reversed, seen.reversed);
  }

  // An error that damage excuses. It blames the file that was damaged, if that is only one.
  Verdict refusal(const Error& error, const std::string& what) {
    detected_ = true;
    if (error.code() == ErrorCode::kCorruption && !blamed_.empty() && error.file() != blamed_) {
      return what + " answered " + error.to_string() + ", which blames another file than the damaged one";
    }
    switch (error.code()) {
      case ErrorCode::kCorruption:
      case ErrorCode::kIo:
      case ErrorCode::kReadOnly:
      case ErrorCode::kOutcomeUnknown:
      case ErrorCode::kUnsupported: return std::nullopt;
      default: return what + " answered " + error.to_string() + "; expected corruption or io";
    }
  }

  Verdict look(Database& database, uint64_t csn) {
    Verdict broken;
    const Inspection seen = inspect(database, model_, Tolerance::kDamage, broken);
    context_.counters.rows_checked += seen.rows;
    if (broken) {
      return broken;
    }
    detected_ = detected_ || seen.met_damage;
    if (Verdict verdict = compare_with_last_look(seen)) {
      return verdict;
    }
    if (seen.contents.csn != csn && !unsure_) {
      return fmt::format("it silently shows commit {}, expected commit {}", seen.contents.csn, csn);
    }
    if (unsure_) {
      return std::nullopt;
    }
    for (const Contents::Bucket& bucket : seen.contents.buckets) {
      if (Verdict verdict = model_.judge_rows(bucket.bucket, bucket.rows, false, bucket.complete, csn)) {
        return verdict;
      }
    }
    for (const Contents::Bucket& bucket : seen.reversed) {
      if (Verdict verdict = model_.judge_rows(bucket.bucket, bucket.rows, true, bucket.complete, csn)) {
        return verdict;
      }
    }
    if (seen.contents.buckets_complete && seen.contents.buckets.size() != model_.bucket_names(csn).size()) {
      return fmt::format("it has {} buckets, expected {}", seen.contents.buckets.size(),
                         model_.bucket_names(csn).size());
    }
    const auto report = database.check();
    if (!report) {
      return refusal(report.error(), "check");
    }
    if (seen.met_damage && report->damage.empty() && !passing_) {
      return "reading met damage, but check reports none";
    }
    detected_ = detected_ || !report->damage.empty();
    return std::nullopt;
  }

  Verdict write(Database& database) {
    Generator generator(context_.config, decisions_.fork(1));
    const uint64_t count = decisions_.below(kStream, 6);
    for (uint64_t done = 0; done < count; ++done) {
      TxnLog log;
      log.who = "rot probe";
      log.blind = true;
      const BucketId id = model_.bucket("bucket" + std::to_string(generator.bucket()));
      const std::string key = generator.key();
      const std::string value = generator.value(~done, done);
      log.put(id, key, value);
      const auto answer = database.put(model_.bucket_name(id), key, value);
      if (!answer) {
        if (answer.error().code() == ErrorCode::kOutcomeUnknown) {
          unsure_ = true;
        }
        if (Verdict verdict = refusal(answer.error(), "a put")) {
          return verdict;
        }
        continue;
      }
      if (to_int(answer->csn) != model_.newest_csn() + 1) {
        return fmt::format("a put became commit {}, expected {}", to_int(answer->csn), model_.newest_csn() + 1);
      }
      ++written_;
      if (Verdict verdict = model_.apply(log)) {
        return verdict;
      }
    }
    return std::nullopt;
  }

  const CopyContext& context_;
  Model& model_;
  SimDisk copy_;
  Decisions& decisions_;
  Trace trace_;
  bool detected_ = false;
  bool passing_ = false;
  bool transfers_fail_ = false;
  std::string blamed_;                   // the one file that was damaged; empty: another kind of damage, or several
  std::optional<Inspection> last_look_;  // since the database was opened
  bool unsure_ = false;                  // a write answered outcome_unknown: either state is right
  uint64_t written_ = 0;
};

}  // namespace

CopyResult rot_probe(const CopyContext& context, const SimDisk& disk, Decisions decisions) {
  const SingleThreaded inline_only;
  RotProbe probe(context, disk, decisions);
  fault::FaultPlan plan;
  const uint64_t way = decisions.below(kStream, 4);
  std::string what;
  if (way == 0) {
    // A transfer goes wrong while the engine runs.
    probe.set_transfers_fail();
    const uint64_t victim = decisions.below(kStream, 3);
    const auto one_in = static_cast<uint32_t>(decisions.between(kStream, 2, 40));
    (victim == 0   ? plan.lost_write.one_in
     : victim == 1 ? plan.misdirected_write.one_in
                   : plan.misdirected_read.one_in) = one_in;
    if (victim == 2) {
      probe.set_passing();
    }
    what = victim == 0 ? "a lost write" : victim == 1 ? "a misdirected write" : "a misdirected read";
  } else {
    what = probe.damage();
  }
  CopyResult result;
  if (what.empty()) {
    return result;
  }
  ++context.counters.rot_probes;
  IoFaults faults(plan);
  const std::string prefix = "a damaged copy of the disk (" + what + "): ";
  result.verdict = with_prefix(prefix, probe.examine(&faults));
  for (size_t kind = 0; kind < fault::kKindCount; ++kind) {
    context.counters.faults[kind] += faults.counts()[kind];
  }
  if (!result.verdict) {
    if (decisions.chance(kStream, 1, 2)) {
      probe.cut_power();
    }
    result.verdict = with_prefix(prefix + "opened again: ", probe.examine(nullptr));
  }
  probe.forget_writes();
  context.counters.rot_detected += probe.detected() ? 1U : 0U;
  result.digest = probe.digest();
  return result;
}

}  // namespace holdfast::sim
