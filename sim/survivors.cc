#include "sim/survivors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "sim/inode.h"

namespace holdfast::sim {

namespace {

using Mode = fault::TornWrite::Mode;

constexpr std::array<std::byte, kSectorBytes> kZeros{};

SectorMask pending_sectors(const Slot& slot) {
  SectorMask sectors = 0;
  for (const Version* version = slot.pending.get(); version != nullptr; version = version->older.get()) {
    sectors |= version->sectors;
    if (sectors == kAllSectors) {
      break;
    }
  }
  return sectors;
}

}  // namespace

Survivors::Survivors(const Personality& personality, Decisions& decisions, Pending pending, const CutImage& image)
    : personality_(personality), decisions_(&decisions), cut_(decisions.draw(Stream::kCrash)) {
  const auto choose = [&](Stream stream, uint64_t what, uint64_t n) {
    return scale(decisions.at(stream, mix(cut_, what)), n);
  };
  const auto& keeps = fault::TornWrite::kKeepOf256;
  mode_ = fault::TornWrite::kModes[choose(Stream::kTear, 1, fault::TornWrite::kModes.size())];
  keep_of_256_ = keeps[choose(Stream::kTear, 2, keeps.size())];
  keep_metadata_of_256_ = keeps[choose(Stream::kMetadata, 3, keeps.size())];
  if (pending.unit_count > 0) {
    odd_unit_ = choose(Stream::kTear, 4, pending.unit_count);
  }
  recent_from_ = pending.first + choose(Stream::kTear, 5, pending.last - pending.first + 1);
  if (image.kind == CutImage::Kind::kListed) {
    keep_metadata_of_256_ = image.metadata == CutImage::Metadata::kKept ? 256 : 0;
    listed_.emplace();
    for (const CutImage::Sector& sector : image.sectors) {
      listed_->insert({sector.file, sector.number});
    }
  } else if (image.kind != CutImage::Kind::kDrawn) {
    mode_ = Mode::kCoin;
    keep_of_256_ = keep_metadata_of_256_ = image.kind == CutImage::Kind::kEverything ? 256 : 0;
  }
}

uint64_t Survivors::pending_units(const Personality& personality, const Slot& slot) {
  if (!slot.pending) {
    return 0;
  }
  return personality.atomic_unit == AtomicUnit::kBlock
             ? 1
             : static_cast<uint64_t>(__builtin_popcount(pending_sectors(slot)));
}

bool Survivors::keeps(uint64_t unit, uint64_t random, uint32_t depth, uint32_t lane, Sequence sequence) const {
  const uint64_t bits = depth == 0 ? random : mix(random, depth);
  const uint32_t coin = static_cast<uint32_t>(bits >> (8 * lane)) & 0xffU;
  switch (mode_) {
    case Mode::kCoin: return coin < keep_of_256_;
    case Mode::kAllButOne: return unit == odd_unit_ ? depth > 0 && coin < 128 : true;
    case Mode::kNoneButOne: return unit == odd_unit_;
    case Mode::kRecent: return sequence < recent_from_ || coin < 128;
  }
  return true;
}

SectorMask Survivors::draw(const Place& place, SectorMask pending, uint64_t random, Sequence size_cut, Chosen& chosen) {
  const Slot& slot = place.slot;
  const uint64_t first_unit = next_unit_;
  next_unit_ += pending_units(personality_, slot);
  const auto is_kept = [&](uint64_t unit, uint32_t steps, uint32_t sector, Sequence sequence) {
    return listed_ ? steps == 0 && listed_->contains({place.file, place.first_sector + sector})
                   : keeps(unit, random, steps, sector, sequence);
  };
  // With a journal a truncation is one change of metadata: the sectors that it empties follow the size.
  const bool truncation_follows_size = personality_.metadata_order == MetadataOrder::kPrefix;
  SectorMask open = pending;  // sectors whose version is not chosen yet
  SectorMask seen = 0;
  uint32_t depth = 0;
  for (const Version* version = slot.pending.get(); version != nullptr && open != 0; version = version->older.get()) {
    SectorMask kept = 0;
    const SectorMask asked = version->sectors & open;
    if (truncation_follows_size && version->kind == VersionKind::kTruncate) {
      kept = version->sequence <= size_cut ? asked : SectorMask{0};
    } else if (personality_.atomic_unit == AtomicUnit::kBlock) {
      kept = is_kept(first_unit, depth, 0, version->sequence) ? open : SectorMask{0};
    } else {
      for (uint32_t sector = 0; sector < kSectorsPerBlock; ++sector) {
        const auto bit = static_cast<SectorMask>(1U << sector);
        if ((asked & bit) == 0) {
          continue;
        }
        const uint64_t unit =
            first_unit + static_cast<uint64_t>(__builtin_popcount(pending & static_cast<SectorMask>(bit - 1)));
        const uint32_t nth = (seen & bit) == 0 ? 0 : depth;
        if (is_kept(unit, nth, sector, version->sequence)) {
          kept |= bit;
        }
      }
    }
    for (uint32_t sector = 0; sector < kSectorsPerBlock; ++sector) {
      if ((uint32_t{kept} >> sector & 1U) != 0) {
        chosen[sector] = version;
        if (kept_ != nullptr && (uint32_t{seen} >> sector & 1U) == 0) {
          kept_->push_back({place.file, place.first_sector + sector});
        }
      }
    }
    open &= static_cast<SectorMask>(~kept);
    seen |= version->sectors;
    ++depth;
  }
  return open;
}

SectorMask Survivors::ask(const Slot& slot, SectorMask pending, Sequence size_cut, Chosen& chosen) {
  const bool truncation_follows_size = personality_.metadata_order == MetadataOrder::kPrefix;
  const bool is_whole = personality_.atomic_unit == AtomicUnit::kBlock;
  const auto content = [](const BlockRef& block, uint32_t sector) {
    return block ? block->sector(sector) : kZeros.data();
  };
  const auto same = [&](const BlockRef& a, const BlockRef& b, uint32_t sector) {
    return a == b || std::memcmp(content(a, sector), content(b, sector), kSectorBytes) == 0;
  };
  const auto same_unit = [&](const BlockRef& a, const BlockRef& b, uint32_t sector) {
    for (uint32_t each = sector; each < (is_whole ? kSectorsPerBlock : sector + 1); ++each) {
      if (!same(a, b, each)) {
        return false;
      }
    }
    return true;
  };
  SectorMask lost = 0;
  std::vector<const Version*> versions;
  std::vector<Alternative> alternatives;
  for (uint32_t sector = 0; sector < kSectorsPerBlock; ++sector) {
    if ((uint32_t{pending} >> sector & 1U) == 0) {
      continue;
    }
    versions.clear();
    alternatives.clear();
    for (const Version* version = slot.pending.get();; version = version->older.get()) {
      if (version != nullptr && !is_whole && (uint32_t{version->sectors} >> sector & 1U) == 0) {
        continue;
      }
      const bool is_truncation = version != nullptr && version->kind == VersionKind::kTruncate;
      if (truncation_follows_size && is_truncation && version->sequence > size_cut) {
        continue;
      }
      const BlockRef& now = version == nullptr ? slot.durable : version->content;
      size_t same_as = 0;
      while (same_as < versions.size() && !same_unit(versions[same_as]->content, now, sector)) {
        ++same_as;
      }
      versions.push_back(version);
      alternatives.push_back({version == nullptr ? 0 : version->sequence, same_as});
      if (version == nullptr || (truncation_follows_size && is_truncation)) {
        break;
      }
    }
    const Version* survivor = versions[chooser_->choose(alternatives)];
    const SectorMask unit = is_whole ? pending : static_cast<SectorMask>(1U << sector);
    for (uint32_t each = sector; each < kSectorsPerBlock; ++each) {
      if ((uint32_t{unit} >> each & 1U) != 0) {
        chosen[each] = survivor;
      }
    }
    lost |= survivor == nullptr ? unit : SectorMask{0};
    if (is_whole) {
      break;
    }
  }
  return lost;
}

BlockRef Survivors::block(const Inode& inode, uint64_t index, const Slot& slot, Sequence size_cut) {
  const SectorMask pending = pending_sectors(slot);
  const uint64_t random =
      chooser_ != nullptr ? 0 : decisions_->at(Stream::kTear, mix(cut_, mix(inode.number(), index)));
  Chosen chosen{};
  const Place place{slot, inode.number(), index * kSectorsPerBlock};
  const SectorMask lost =
      chooser_ != nullptr ? ask(slot, pending, size_cut, chosen) : draw(place, pending, random, size_cut, chosen);
  const bool garbage =
      personality_.unwritten_bytes == UnwrittenBytes::kGarbage && !slot.durable && lost != 0 && chooser_ == nullptr;
  if (lost == pending && !garbage) {
    return slot.durable;
  }
  if (pending == kAllSectors &&
      std::all_of(chosen.begin(), chosen.end(), [&](const Version* version) { return version == chosen[0]; }) &&
      chosen[0] != nullptr && chosen[0]->sectors == kAllSectors) {
    return chosen[0]->content;
  }
  BlockRef result = copied_block(slot.durable);
  Block& bytes = result.own();
  for (uint32_t sector = 0; sector < kSectorsPerBlock; ++sector) {
    const Version* version = chosen[sector];
    if (version == nullptr) {
      if (garbage && (lost >> sector & 1U) != 0 && (mix(random, 100 + sector) & 1U) != 0) {
        fill_garbage(inode, mix(random, 200 + sector), sector, bytes);
      }
    } else if (version->content) {
      std::memcpy(bytes.sector(sector), version->content->sector(sector), kSectorBytes);
    } else {
      std::memset(bytes.sector(sector), 0, kSectorBytes);
    }
  }
  return result;
}

// What used to lie in the freshly allocated block: most often something that the same program wrote elsewhere.
void Survivors::fill_garbage(const Inode& inode, uint64_t random, uint32_t sector, Block& block) const {
  const uint64_t blocks = inode.size() / kBlockBytes + 1;
  const Slot* other = inode.slot(scale(random, blocks));
  if (other != nullptr && other->durable && (random & 3U) != 0) {
    std::memcpy(block.sector(sector), other->durable->sector(sector), kSectorBytes);
    return;
  }
  for (uint64_t at = 0; at < kSectorBytes; at += sizeof random) {
    const uint64_t word = mix(random, at);
    std::memcpy(block.sector(sector) + at, &word, sizeof word);
  }
}

Survivors::Size Survivors::size(const Inode& inode) {
  const auto changes = inode.size_changes();
  if (chooser_ != nullptr) {
    std::vector<Alternative> alternatives;
    for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
      const auto same =
          std::find_if(changes.rbegin(), change, [&](const auto& each) { return each.bytes == change->bytes; });
      alternatives.push_back({change->sequence, static_cast<size_t>(same - changes.rbegin())});
    }
    const auto same = std::find_if(changes.rbegin(), changes.rend(),
                                   [&](const auto& each) { return each.bytes == inode.durable_size(); });
    alternatives.push_back({0, static_cast<size_t>(same - changes.rbegin())});
    const size_t chosen = chooser_->choose(alternatives);
    const auto change = changes.rbegin() + static_cast<ptrdiff_t>(chosen);
    return change == changes.rend() ? Size{inode.durable_size(), 0} : Size{change->bytes, change->sequence};
  }
  for (size_t index = changes.size(); index > 0; --index) {
    const uint64_t key = mix(cut_, mix(inode.number(), ~index));
    if (scale(decisions_->at(Stream::kMetadata, key), 256) < keep_metadata_of_256_) {
      return {changes[index - 1].bytes, changes[index - 1].sequence};
    }
  }
  return {inode.durable_size(), 0};
}

bool Survivors::keeps_name(uint32_t directory, uint64_t index, Sequence sequence) {
  if (chooser_ != nullptr) {
    return chooser_->choose(std::array{Alternative{sequence, 0}, Alternative{0, 1}}) == 0;
  }
  const uint64_t key = mix(cut_, mix(~uint64_t{directory}, index));
  return scale(decisions_->at(Stream::kMetadata, key), 256) < keep_metadata_of_256_;
}

uint64_t Survivors::name_prefix(uint32_t directory, std::span<const Sequence> changes) {
  if (chooser_ != nullptr) {
    std::vector<Alternative> alternatives;
    for (size_t left = changes.size(); left > 0; --left) {
      alternatives.push_back({changes[left - 1], alternatives.size()});
    }
    alternatives.push_back({0, alternatives.size()});
    return changes.size() - chooser_->choose(alternatives);
  }
  switch (keep_metadata_of_256_) {
    case 0: return 0;
    case 256: return changes.size();
    default:
      return scale(decisions_->at(Stream::kMetadata, mix(cut_, mix(~uint64_t{directory}, 0))), changes.size() + 1);
  }
}

}  // namespace holdfast::sim
