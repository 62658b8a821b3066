#include "sim/exhaust_recovery.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace holdfast::sim {

namespace {

constexpr uint64_t kRecoverySeed = 7;

// Watches only that the engine keeps its side of the contract.
class Unstopped final : public DiskHooks {
 public:
  void contract_violated(std::string_view what) override {
    if (!violated) {
      violated = "the engine broke the environment's contract: " + std::string(what);
    }
  }
  Verdict violated;
};

uint64_t hash_of(std::string_view text) { return ValueMark::of(text).hash; }
uint64_t hash_of(const Sha256& hash) {
  uint64_t word = 0;
  std::memcpy(&word, hash.data(), sizeof word);
  return word;
}

uint64_t digest_of(const Contents& contents) {
  uint64_t digest = contents.csn;
  const auto add = [&](uint64_t value) { digest = mix(digest, value); };
  const auto add_buckets = [&](const std::vector<Contents::Bucket>& buckets) {
    for (const Contents::Bucket& bucket : buckets) {
      add(bucket.bucket);
      for (const Row& row : bucket.rows) {
        add(hash_of(row.key));
        add(row.value.hash);
      }
    }
  };
  add_buckets(contents.buckets);
  for (const StreamContents& stream : contents.streams) {
    add(mix(stream.stream, stream.first_offset));
    add(stream.next_offset);
    add(hash_of(stream.chain_hash));
    add(hash_of(stream.root));
    for (const SeenRecord& record : stream.records) {
      add(mix(record.payload.hash, record.redacted ? 1 : 0));
    }
  }
  for (const ProjectionContents& projection : contents.projections) {
    add(mix(projection.projection, projection.is_there ? 1 : 0));
    add(mix(projection.applied, projection.floor));
    add(mix(projection.generation, hash_of(projection.hash)));
    for (const auto& table : projection.tables) {
      for (const auto& versions : table) {
        add(versions ? versions->size() : ~uint64_t{0});
      }
    }
  }
  for (const Contents::Pinned& pinned : contents.pins) {
    add(mix(hash_of(pinned.pin.name), pinned.pin.csn));
    add_buckets(pinned.buckets);
  }
  return digest;
}

}  // namespace

uint32_t Recoveries::intern(Contents contents, uint64_t digest) {
  const auto [begin, end] = by_digest_.equal_range(digest);
  for (auto found = begin; found != end; ++found) {
    if (same_contents(contents_[found->second], contents)) {
      return found->second;
    }
  }
  const auto number = static_cast<uint32_t>(contents_.size());
  contents_.push_back(std::move(contents));
  by_digest_.emplace(digest, number);
  return number;
}

Result<Database> Recoveries::open(ExhaustProcess& process, const Opening& opening) const {
  Options options = exhaust_options(setup_, process.env());
  options.create_if_missing = !opening.created;
  return Database::open("db", options);
}

Recoveries::Shown Recoveries::look(const Database& database, Model& model) {
  Shown shown;
  Inspection seen = inspect(database, model, Tolerance::kNone, shown.broken);
  shown.digest = digest_of(seen.contents);
  shown.contents = intern(std::move(seen.contents), shown.digest);
  return shown;
}

Recoveries::Shown Recoveries::recover(SimDisk& disk, DiskHooks& hooks, const Opening& opening,
                                      const std::function<void(Database&, const Shown&)>& then) {
  Shown shown;
  ExhaustProcess process(disk, hooks, kRecoverySeed);
  auto database = open(process, opening);
  if (!database) {
    shown.broken = "opening it answered " + database.error().to_string();
    return shown;
  }
  shown = look(*database, opening.model);
  if (!shown.broken) {
    then(*database, shown);
  }
  // It is not closed: it ends here, with nothing more on the disk.
  process.env().kill();
  return shown;
}

const Recoveries::Shown& Recoveries::shown(const SimDisk& image, uint64_t hash, const Opening& opening) {
  const auto [found, is_new] = by_image_.try_emplace(mix(hash, opening.created ? 1 : 0));
  was_new_ = is_new;
  if (is_new) {
    SimDisk copy = image;
    Unstopped hooks;
    found->second = recover(copy, hooks, opening);
    if (hooks.violated) {
      found->second.broken = hooks.violated;
    }
  }
  return found->second;
}

void Recoveries::forget() {
  by_image_.clear();
  by_digest_.clear();
  contents_.clear();
}

Verdict Recoveries::check(const SimDisk& image, const Opening& opening) {
  SimDisk copy = image;
  Unstopped hooks;
  ExhaustProcess process(copy, hooks, kRecoverySeed);
  auto database = open(process, opening);
  if (!database) {
    return "opening it answered " + database.error().to_string();
  }
  const auto report = database->check();
  process.env().kill();
  if (!report) {
    return "check answered " + report.error().to_string();
  }
  if (report->awaiting_pages != 0) {
    return fmt::format("{} pages await a snapshot, but none is alive", report->awaiting_pages);
  }
  return hooks.violated ? hooks.violated : judge_pages(*report);
}

}  // namespace holdfast::sim
