#include "sim/exhaust_recovery.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace holdfast::sim {

namespace {

constexpr uint64_t kRecoverySeed = 7;
constexpr size_t kBlocksKeptMax = 20'000;

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
uint64_t hash_of(const Block& block) {
  std::array<uint64_t, 4> lanes{1, 2, 3, 4};
  for (size_t at = 0; at < kBlockBytes; at += sizeof lanes) {
    for (size_t lane = 0; lane < lanes.size(); ++lane) {
      uint64_t word = 0;
      std::memcpy(&word, block.bytes.data() + at + lane * sizeof word, sizeof word);
      lanes[lane] = (lanes[lane] ^ word) * 0x9fb21c651e98df25U;
      lanes[lane] ^= lanes[lane] >> 29U;
    }
  }
  return mix(mix(lanes[0], lanes[1]), mix(lanes[2], lanes[3]));
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

uint64_t ImageHasher::of(const BlockRef& block) {
  const auto [found, is_new] = blocks_.try_emplace(block.get());
  if (is_new) {
    found->second = {block, hash_of(*block)};
  }
  return found->second.hash;
}

uint64_t ImageHasher::of(const SimDisk& disk) {
  static const uint64_t kZeros = hash_of(*zeroed_block());
  if (blocks_.size() > kBlocksKeptMax) {
    blocks_.clear();
  }
  const auto directory = disk.find_directory("db");
  if (!directory) {
    return 0;
  }
  uint64_t result = 1;
  for (const auto& [name, number] : disk.directory(*directory).live()) {
    const Inode& file = disk.file(number);
    result = mix(mix(result, hash_of(name)), file.size());
    for (uint64_t block = 0; block * kBlockBytes < file.size(); ++block) {
      const Slot* slot = file.slot(block);
      // A block of zeros is one that was never written.
      if (const uint64_t hash = slot != nullptr && slot->cache ? of(slot->cache) : kZeros; hash != kZeros) {
        result = mix(result, mix(block, hash));
      }
    }
  }
  return result;
}

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
