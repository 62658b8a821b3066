#include "sim/rot_matrix_damage.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"

namespace holdfast::sim {

namespace {

constexpr std::array<std::string_view, kRotKinds> kNames = {"bit", "zeroed", "stale", "swapped", "eio"};
// Up to so many bytes each bit of a field is turned, each byte of it, or so many bytes of it.
constexpr uint64_t kEveryBitMax = 2;
constexpr uint64_t kTwoBitsMax = 8;
constexpr uint64_t kEveryByteMax = 40;
constexpr uint64_t kBytesOfLong = 12;
constexpr uint64_t kBytesOfOthers = 3;  // in other places than the first
constexpr size_t kStaleVersions = 2;    // the newest and the oldest

using Sector = std::array<std::byte, kSectorBytes>;

class Planner {
 public:
  Planner(const RotWorld& world, const std::vector<Region>& layout, const RotBounds& bounds)
      : world_(world), layout_(layout), bounds_(bounds), directory_(*world.disk.find_directory("db")) {}

  RotPlan plan() {
    for (const Region& region : layout_) {
      if (const auto [found, is_new] = by_name_.try_emplace(region.name()); is_new) {
        order_.push_back(region.name());
      }
      by_name_[region.name()].push_back(&region);
    }
    for (const std::string& name : order_) {
      plan_row(by_name_[name]);
    }
    return std::move(plan_);
  }

 private:
  // --- bytes

  static std::string bytes_on(const SimDisk& disk, const std::string& file, uint64_t offset, uint64_t bytes) {
    const auto directory = disk.find_directory("db");
    const auto number = directory ? disk.find(*directory, file) : std::nullopt;
    std::string text(bytes, '\0');
    if (number) {
      text.resize(disk.file(*number).read_truth(offset, std::as_writable_bytes(std::span(text))));
    }
    return text;
  }
  std::string bytes_of(const std::string& file, uint64_t offset, uint64_t bytes) const {
    return bytes_on(world_.disk, file, offset, bytes);
  }
  uint64_t size_of(const std::string& file) const {
    return world_.disk.file(*world_.disk.find(directory_, file)).size();
  }

  // Patches that make `bytes` of what the file reads there. Whole sectors, but for the end of the file.
  static void cover(std::vector<Patch>& patches, const std::string& file, uint64_t offset, std::string_view bytes) {
    for (uint64_t done = 0; done < bytes.size(); done += kSectorBytes) {
      Patch patch{.file = file, .sector = (offset + done) / kSectorBytes};
      const std::string_view part = bytes.substr(done, kSectorBytes);
      std::ranges::copy(as_bytes(part), patch.bytes.begin());
      patches.push_back(std::move(patch));
    }
  }

  // --- cases

  bool changes_anything(const Patch& patch) const {
    const std::string is = bytes_of(patch.file, patch.sector * kSectorBytes, kSectorBytes);
    return patch.unreadable ? !is.empty() : !std::ranges::equal(as_bytes(is), std::span(patch.bytes).first(is.size()));
  }

  // False: it changes nothing.
  bool add(RotKind kind, std::vector<Patch> patches, const std::string& text) {
    std::erase_if(patches, [&](const Patch& patch) { return !changes_anything(patch); });
    if (patches.empty()) {
      return false;
    }
    std::ranges::sort(patches);
    const auto [found, is_new] = known_.try_emplace(patches, plan_.images.size());
    if (is_new) {
      plan_.images.push_back({std::move(patches), text});
    }
    std::vector<RotCase>& cases = plan_.rows.back().cases[static_cast<size_t>(kind)];
    if (std::ranges::find(cases, found->second, &RotCase::image) == cases.end()) {
      cases.push_back({found->second, text});
    }
    return true;
  }

  void plan_row(const std::vector<const Region*>& regions) {
    RotRow& row = plan_.rows.emplace_back();
    row.structure = regions.front()->structure;
    row.field = regions.front()->field;
    row.in_use = regions.front()->in_use;
    row.regions = regions.size();
    for (const Region* region : regions) {
      row.bytes += region->end - region->begin;
    }
    const size_t count = std::min<size_t>(bounds_.places, regions.size());
    for (size_t index = 0; index < count; ++index) {
      const size_t chosen = count == 1 ? 0 : index * (regions.size() - 1) / (count - 1);
      const Region& region = *regions[chosen];
      bits(region, index == 0);
      const uint64_t first = region.begin / kSectorBytes;
      const uint64_t last = (region.end - 1) / kSectorBytes;
      for (uint64_t sector : {first, last}) {
        sector_damages(region, sector);
        if (first == last) {
          break;
        }
      }
      stale_unit(region);
      swap_sectors(region, regions, chosen);
      swap_unit(region, chosen);
    }
  }

  void bits(const Region& region, bool all) {
    const uint64_t bytes = region.end - region.begin;
    const uint64_t wanted = !all ? kBytesOfOthers : bytes <= kEveryByteMax ? bytes : kBytesOfLong;
    const uint64_t steps = std::min(wanted, bytes);
    std::vector<std::pair<uint64_t, uint64_t>> chosen;  // byte, bit
    for (uint64_t step = 0; step < steps; ++step) {
      const uint64_t at = region.begin + (steps == 1 ? 0 : step * (bytes - 1) / (steps - 1));
      const uint64_t bits = all && bytes <= kEveryBitMax ? 8 : all && bytes <= kTwoBitsMax ? 2 : 1;
      for (uint64_t bit = 0; bit < bits; ++bit) {
        chosen.emplace_back(at, bits == 8 ? bit : (at * 3 + bit * 4) % 8);
      }
    }
    const size_t count = std::min<size_t>(bounds_.bits, chosen.size());
    for (size_t index = 0; index < count; ++index) {
      const auto& [at, bit] = chosen[index * chosen.size() / count];
      one_bit(region, at, bit);
    }
  }

  void one_bit(const Region& region, uint64_t at, uint64_t bit) {
    std::string bytes = bytes_of(region.file, at / kSectorBytes * kSectorBytes, kSectorBytes);
    char& byte = bytes[at % kSectorBytes];
    byte = static_cast<char>(static_cast<uint8_t>(byte) ^ 1U << bit);
    std::vector<Patch> patches;
    cover(patches, region.file, at / kSectorBytes * kSectorBytes, bytes);
    add(RotKind::kBit, std::move(patches), fmt::format("bit {} of byte {} of {}", bit, at, region.file));
  }

  void sector_damages(const Region& region, uint64_t sector) {
    const std::string where = fmt::format("sector {} of {}", sector, region.file);
    std::vector<Patch> zeroed;
    cover(zeroed, region.file, sector * kSectorBytes, std::string(kSectorBytes, '\0'));
    add(RotKind::kZeroed, zeroed, where + " is zero");
    for (const std::string& version : older(region.file, sector * kSectorBytes, kSectorBytes)) {
      std::vector<Patch> stale;
      cover(stale, region.file, sector * kSectorBytes, version);
      add(RotKind::kStale, std::move(stale), where + " is an older one");
    }
    add(RotKind::kEio, {{.file = region.file, .sector = sector, .unreadable = true}}, where + " cannot be read");
  }

  // What the range once was, and is not now: the newest and the oldest such content. None that is zero: that is another
  // column.
  const std::vector<std::string>& older(const std::string& file, uint64_t offset, uint64_t bytes) {
    const auto [found, is_new] = older_.try_emplace({file, offset, bytes});
    if (is_new) {
      found->second = find_older(file, offset, bytes);
    }
    return found->second;
  }
  std::vector<std::string> find_older(const std::string& file, uint64_t offset, uint64_t bytes) const {
    const std::string now = bytes_of(file, offset, bytes);
    std::vector<std::string> versions;
    for (const SimDisk& disk : world_.history) {
      std::string was = bytes_on(disk, file, offset, bytes);
      const bool is_zero = was.find_first_not_of('\0') == std::string::npos;
      if (was.size() == now.size() && was != now && !is_zero && std::ranges::find(versions, was) == versions.end()) {
        versions.push_back(std::move(was));
      }
    }
    if (versions.size() > kStaleVersions) {
      versions = {versions.back(), versions.front()};
    }
    return versions;
  }

  static bool has_whole_sectors(const Region& region) {
    return region.unit_begin % kSectorBytes == 0 && region.unit_end % kSectorBytes == 0 &&
           region.unit_end - region.unit_begin > kSectorBytes;
  }

  void stale_unit(const Region& region) {
    if (!has_whole_sectors(region)) {
      return;
    }
    const uint64_t bytes = region.unit_end - region.unit_begin;
    for (const std::string& version : older(region.file, region.unit_begin, bytes)) {
      std::vector<Patch> stale;
      cover(stale, region.file, region.unit_begin, version);
      add(RotKind::kStale, std::move(stale),
          fmt::format("bytes {} to {} of {} are what they were once", region.unit_begin, region.unit_end, region.file));
    }
  }

  bool swap(const std::string& file, uint64_t offset, const std::string& other, uint64_t other_offset, uint64_t bytes) {
    std::vector<Patch> patches;
    cover(patches, file, offset, bytes_of(other, other_offset, bytes));
    cover(patches, other, other_offset, bytes_of(file, offset, bytes));
    return add(RotKind::kSwapped, std::move(patches),
               fmt::format("{} bytes at {} of {} and at {} of {} have changed places", bytes, offset, file,
                           other_offset, other));
  }

  // With the next sector that holds such a field, or where there is none, one of the same name in another structure;
  // and with one of another file.
  void swap_sectors(const Region& region, const std::vector<const Region*>& alike, size_t chosen) {
    const uint64_t sector = region.begin / kSectorBytes;
    const auto try_with = [&](const Region& other) {
      return swap(region.file, sector * kSectorBytes, other.file, other.begin / kSectorBytes * kSectorBytes,
                  kSectorBytes);
    };
    bool done = false;
    for (size_t step = 1; step < alike.size() && !done; ++step) {
      done = try_with(*alike[(chosen + step) % alike.size()]);
    }
    for (size_t index = 0; index < layout_.size() && !done; ++index) {
      const Region& other = layout_[index];
      done = other.field == region.field && other.structure != region.structure && try_with(other);
    }
    // Of the files that are not it, whichever comes first behind it.
    const auto names = world_.disk.list(directory_);
    const auto own = std::ranges::find(names, region.file) - names.begin();
    for (size_t step = 1; step < names.size(); ++step) {
      const std::string& other = names[(static_cast<size_t>(own) + step) % names.size()];
      const uint64_t sectors = size_of(other) / kSectorBytes;
      if (sectors > 0 &&
          swap(region.file, sector * kSectorBytes, other, sector % sectors * kSectorBytes, kSectorBytes)) {
        break;
      }
    }
  }

  // With the next page, run or frame of the same kind and length, or else of the same length.
  void swap_unit(const Region& region, size_t chosen) {
    if (!has_whole_sectors(region)) {
      return;
    }
    const uint64_t bytes = region.unit_end - region.unit_begin;
    const auto try_with = [&](const Region& other) {
      const bool is_same = other.file == region.file && other.unit_begin == region.unit_begin;
      return !is_same && other.unit_end - other.unit_begin == bytes &&
             swap(region.file, region.unit_begin, other.file, other.unit_begin, bytes);
    };
    const std::vector<const Region*>& alike = by_name_[region.name()];
    for (size_t step = 1; step < alike.size(); ++step) {
      if (try_with(*alike[(chosen + step) % alike.size()])) {
        return;
      }
    }
    // There is no other: one of another kind.
    for (const Region& other : layout_) {
      if (other.file == region.file && try_with(other)) {
        return;
      }
    }
  }

  const RotWorld& world_;
  const std::vector<Region>& layout_;
  const RotBounds bounds_;
  const uint32_t directory_;
  std::map<std::string, std::vector<const Region*>> by_name_;
  std::vector<std::string> order_;
  std::map<std::vector<Patch>, size_t> known_;
  std::map<std::tuple<std::string, uint64_t, uint64_t>, std::vector<std::string>> older_;
  RotPlan plan_;
};

}  // namespace

std::string_view name_of(RotKind kind) { return kNames[static_cast<size_t>(kind)]; }

RotPlan plan_rot(const RotWorld& world, const std::vector<Region>& layout, const RotBounds& bounds) {
  return Planner(world, layout, bounds).plan();
}

void damage(SimDisk& disk, const RotImage& image) {
  const uint32_t directory = *disk.find_directory("db");
  for (const Patch& patch : image.patches) {
    disk.own_file(*disk.find(directory, patch.file))
        .overlays()
        .set(patch.sector, {.kind = patch.unreadable ? fault::Kind::kLatentSector : fault::Kind::kBitRot,
                            .unreadable = patch.unreadable,
                            .bytes = patch.bytes});
  }
}

bool is_repaired(const SimDisk& disk, const RotImage& image, const std::vector<Region>& layout) {
  const uint32_t directory = *disk.find_directory("db");
  bool any = false;
  for (const Patch& patch : image.patches) {
    const bool is_needed = std::ranges::any_of(layout, [&](const Region& region) {
      return region.in_use && region.file == patch.file && region.begin < (patch.sector + 1) * kSectorBytes &&
             patch.sector * kSectorBytes < region.end;
    });
    const auto file = disk.find(directory, patch.file);
    if (is_needed && file && disk.file(*file).overlays().any_in(patch.sector * kSectorBytes, kSectorBytes)) {
      return false;
    }
    any = any || is_needed;
  }
  return any;
}

}  // namespace holdfast::sim
