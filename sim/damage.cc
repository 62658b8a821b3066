#include "sim/damage.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace holdfast::sim {

namespace {

// Lays the bytes that reads see now over the range, so that what is written there next stays hidden.
std::vector<std::pair<uint64_t, Overlay>> seen_now(const Inode& inode, uint64_t offset, uint64_t bytes,
                                                   fault::Kind kind) {
  std::vector<std::pair<uint64_t, Overlay>> seen;
  const uint64_t end = offset + bytes;
  for (uint64_t sector = offset / kSectorBytes; sector * kSectorBytes < end; ++sector) {
    Overlay overlay{.kind = kind};
    inode.read(sector * kSectorBytes, overlay.bytes);
    seen.emplace_back(sector, overlay);
  }
  return seen;
}

Overlay garbage(uint64_t random) {
  Overlay overlay{.kind = fault::Kind::kTornNeighbour};
  for (uint64_t at = 0; at < kSectorBytes; at += sizeof random) {
    const uint64_t word = mix(random, at);
    std::memcpy(overlay.bytes.data() + at, &word, sizeof word);
  }
  return overlay;
}

bool stale_version(const Inode& inode, uint64_t sector, Overlay& overlay) {
  const Slot* slot = inode.slot(sector / kSectorsPerBlock);
  if (slot == nullptr || !slot->before) {
    return false;
  }
  std::memcpy(overlay.bytes.data(), slot->before->sector(static_cast<uint32_t>(sector % kSectorsPerBlock)),
              kSectorBytes);
  return true;
}

}  // namespace

bool damage_sector(SimDisk& disk, uint32_t file, uint64_t sector, fault::Kind kind, uint64_t random) {
  const Inode& inode = disk.file(file);
  if (sector * kSectorBytes >= inode.size()) {
    return false;
  }
  Overlay overlay{.kind = kind};
  const size_t bytes = inode.read(sector * kSectorBytes, overlay.bytes);
  const std::array<std::byte, kSectorBytes> seen = overlay.bytes;
  const std::span<std::byte> in_file = std::span(overlay.bytes).first(bytes);
  switch (kind) {
    case fault::Kind::kBitRot: fault::BitRot::damage(in_file, random); break;
    case fault::Kind::kZeroedSector: fault::ZeroedSector::damage(in_file, random); break;
    case fault::Kind::kStaleSector:
      if (!stale_version(inode, sector, overlay)) {
        return false;
      }
      break;
    case fault::Kind::kLatentSector: overlay.unreadable = true; break;
    default: CHECK(false && "not a kind of damage to a sector");
  }
  if (!overlay.unreadable &&
      std::equal(seen.begin(), seen.begin() + static_cast<ptrdiff_t>(bytes), overlay.bytes.begin())) {
    return false;
  }
  disk.own_file(file).overlays().set(sector, overlay);
  return true;
}

bool exchange_bits(SimDisk& disk, uint32_t file, uint64_t sector, uint64_t skipped, uint64_t random) {
  Overlay overlay{.kind = fault::Kind::kBitRot};
  disk.file(file).read(sector * kSectorBytes, overlay.bytes);
  const uint64_t candidates = kSectorBytes - skipped;
  for (uint64_t tried = 0; tried < candidates; ++tried) {
    std::byte& at = overlay.bytes[skipped + (random + tried) % candidates];
    const auto rotated = static_cast<std::byte>(std::rotl(static_cast<uint8_t>(at), 1 + static_cast<int>(random % 7)));
    if (rotated != at) {
      at = rotated;
      disk.own_file(file).overlays().set(sector, overlay);
      return true;
    }
  }
  return false;
}

void cover(SimDisk& disk, uint32_t file, uint64_t offset, std::span<const std::byte> bytes, fault::Kind kind) {
  CHECK(offset % kSectorBytes == 0 && bytes.size() % kSectorBytes == 0);
  for (uint64_t done = 0; done < bytes.size(); done += kSectorBytes) {
    Overlay overlay{.kind = kind};
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(done), kSectorBytes, overlay.bytes.begin());
    disk.own_file(file).overlays().set((offset + done) / kSectorBytes, overlay);
  }
}

void lose_write(SimDisk& disk, uint32_t file, uint64_t offset, std::span<const std::byte> data) {
  const auto seen = seen_now(disk.file(file), offset, data.size(), fault::Kind::kLostWrite);
  disk.write(file, offset, data);
  for (const auto& [sector, overlay] : seen) {
    disk.own_file(file).overlays().set(sector, overlay);
  }
}

void misdirect_write(SimDisk& disk, uint32_t file, uint64_t offset, std::span<const std::byte> data, uint64_t random) {
  lose_write(disk, file, offset, data);
  Overlays& overlays = disk.own_file(file).overlays();
  // Only whole sectors are put elsewhere.
  const uint64_t sector_count = data.size() / kSectorBytes;
  const uint64_t places = sector_count == 0 ? 0 : disk.file(file).size() / (sector_count * kSectorBytes);
  if (places == 0) {
    return;
  }
  const uint64_t place = scale(random, places) * sector_count;
  if (place == offset / kSectorBytes) {
    return;
  }
  for (uint64_t index = 0; index < sector_count; ++index) {
    Overlay overlay{.kind = fault::Kind::kMisdirectedWrite};
    std::copy_n(data.begin() + static_cast<ptrdiff_t>(index * kSectorBytes), kSectorBytes, overlay.bytes.begin());
    overlays.set(place + index, overlay);
  }
}

uint64_t tear_neighbours(const SimDisk& before, SimDisk& image, uint32_t percent, Decisions& decisions) {
  const uint64_t cut = decisions.draw(Stream::kRot);
  uint64_t torn = 0;
  for (const uint32_t file : before.files()) {
    if (!image.exists(file)) {
      continue;
    }
    before.file(file).visit_unsettled([&](uint64_t block, const Slot& slot) {
      const uint64_t random = decisions.at(Stream::kRot, mix(cut, mix(file, block)));
      if (!slot.pending || scale(random, 100) >= percent) {
        return;
      }
      // One sector, or each by a coin.
      const uint64_t one = (random >> 8U) % kSectorsPerBlock;
      const uint64_t coins = (random >> 16U) % 4 == 0 ? random >> 32U : 0;
      bool any = false;
      for (uint64_t index = 0; index < kSectorsPerBlock; ++index) {
        const uint64_t sector = block * kSectorsPerBlock + index;
        if ((index == one || (coins >> index & 1U) != 0) && sector * kSectorBytes < image.file(file).size()) {
          image.own_file(file).overlays().set(sector, garbage(mix(random, index)));
          any = true;
        }
      }
      torn += any ? 1U : 0U;
    });
  }
  return torn;
}

void take_file_away(SimDisk& disk, uint32_t directory, std::string_view name) {
  disk.remove(directory, name);
  disk.sync_directory(directory, disk.moment());
}

void put_older_file_back(SimDisk& disk, const SimDisk& backup, uint32_t directory, std::string_view name) {
  const auto from = backup.find(directory, name);
  const auto to = disk.find(directory, name);
  CHECK(from && to);
  std::vector<std::byte> older(backup.file(*from).size());
  backup.file(*from).read_truth(0, older);
  disk.truncate(*to, 0);
  disk.write(*to, 0, older);
  disk.sync(*to, disk.moment(), Decisions(0));
}

std::vector<Damage> list_damage(const SimDisk& disk) {
  std::vector<Damage> found;
  for (const uint32_t file : disk.files()) {
    for (const auto& [sector, overlay] : disk.file(file).overlays().sectors()) {
      found.push_back({file, sector * kSectorBytes, overlay.kind});
    }
  }
  return found;
}

bool is_damaged(const SimDisk& disk, uint32_t file, uint64_t offset, uint64_t bytes) {
  return disk.file(file).overlays().any_in(offset, bytes);
}

void heal(SimDisk& disk) {
  for (const uint32_t file : disk.files()) {
    if (!disk.file(file).overlays().empty()) {
      disk.own_file(file).overlays().heal();
    }
  }
}

}  // namespace holdfast::sim
