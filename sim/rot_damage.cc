#include "sim/rot_damage.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "format/meta.h"
#include "format/page.h"
#include "sim/damage.h"

namespace holdfast::sim {

namespace {

constexpr auto kStream = Stream::kProbe;
using Field = fault::ForgedPage::Field;

const char* name_of(Field field) {
  switch (field) {
    case Field::kPageNumber: return "page number";
    case Field::kBirth: return "birth";
    case Field::kEpoch: return "epoch";
    case Field::kKind: return "kind";
    case Field::kLevel: return "level";
    case Field::kReserved: return "reserved bytes";
    case Field::kCount: break;
  }
  return "?";
}

// Changes the field for certain.
void forge(format::PageHeader& header, Field field, uint64_t random) {
  const uint32_t bit = uint32_t{1} << (random % 3);
  switch (field) {
    case Field::kPageNumber: header.page_number = header.page_number ^ bit; break;
    case Field::kBirth: header.birth = header.birth ^ bit; break;
    case Field::kEpoch: header.epoch = header.epoch ^ bit; break;
    case Field::kKind: header.kind = static_cast<uint8_t>(1 + (header.kind - 1U + 1U + random % 4) % 5); break;
    case Field::kLevel: header.level = static_cast<uint8_t>(header.level ^ bit); break;
    case Field::kReserved: header.reserved = static_cast<uint16_t>(bit); break;
    case Field::kCount: break;
  }
}

class Vandal {
 public:
  Vandal(const CopyContext& context, SimDisk& disk, Decisions& decisions)
      : context_(context),
        disk_(disk),
        decisions_(decisions),
        directory_(*disk.find_directory("db")),
        tree_(*disk.find(directory_, "tree")),
        live_(live_pages(disk.file(tree_))) {
    const auto meta = newest_meta(disk.file(tree_));
    is_newest_ = meta && to_int(meta->csn) == context.oracle.model().newest_csn();
  }

  RotDamage damage(AtRest at_rest) {
    const uint64_t aim = decisions_.below(kStream, 16);
    if (aim < 2) {
      free_map();
    } else if (aim < 6) {
      branch();
    } else if (aim < 8) {
      forged();
    } else if (aim == 8) {
      identity();
    } else if (aim == 9) {
      meta_page();
    }
    if (done_.text.empty()) {
      sectors(at_rest);
    }
    // Twice in one place can bring back what was there.
    std::erase_if(done_.live, [&](const LivePage& page) { return !reads_differently(page); });
    return std::move(done_);
  }

  RotDamage put_back(std::span<const std::byte> before) {
    const Inode& file = disk_.file(tree_);
    std::vector<LivePage> candidates;
    for (const LivePage& page : live_) {
      if (page.offset + page.bytes > before.size()) {
        continue;
      }
      const std::vector<std::byte> now = read(file, page);
      const format::PageHeader& is = format::header_of(now.data());
      const format::PageHeader& was = format::header_of(before.data() + page.offset);
      const auto then = before.subspan(page.offset, page.bytes);
      if (was.page_number == is.page_number && was.birth == is.birth && !std::ranges::equal(then, now)) {
        candidates.push_back(page);
      }
    }
    if (!candidates.empty()) {
      const LivePage page = pick(candidates);
      cover(disk_, tree_, page.offset, before.subspan(page.offset, page.bytes), fault::Kind::kLostWrite);
      note(fault::Kind::kLostWrite, "tree", page.offset, ", a page of an attempt that came to nothing");
    }
    return std::move(done_);
  }

 private:
  static std::vector<std::byte> read(const Inode& file, const LivePage& page) {
    std::vector<std::byte> bytes(page.bytes);
    file.read_truth(page.offset, bytes);
    return bytes;
  }

  bool reads_differently(const LivePage& page) const {
    const Inode& file = disk_.file(tree_);
    std::vector<std::byte> bytes(page.bytes);
    return file.overlays().unreadable_in(page.offset, page.bytes) || file.read(page.offset, bytes) != bytes.size() ||
           bytes != read(file, page);
  }

  const LivePage& pick(const std::vector<LivePage>& from) {
    return from[static_cast<size_t>(decisions_.below(kStream, from.size()))];
  }

  void note(fault::Kind kind, std::string_view file, uint64_t offset, std::string_view more = {}) {
    ++context_.counters.faults[static_cast<size_t>(kind)];
    done_.blamed = done_.text.empty() || done_.blamed == file ? file : "";
    done_.text +=
        fmt::format("{}{} of {} at {}{}", done_.text.empty() ? "" : ", ", fault::info(kind).name, file, offset, more);
    done_.damages_log = done_.damages_log || file.starts_with("wal-");
    if (file != "tree" || !is_newest_) {
      return;
    }
    const auto page = std::ranges::find_if(
        live_, [&](const LivePage& each) { return each.offset <= offset && offset < each.offset + each.bytes; });
    if (page != live_.end()) {
      done_.live.push_back(*page);
    }
  }

  // Of the page that says which pages are free, if there is one such page.
  void free_map() {
    const auto newest = newest_meta(disk_.file(tree_));
    if (!newest || newest->free_map.is_null() || newest->free_map_level != 0) {
      return;
    }
    const uint64_t sector = uint64_t{to_int(newest->free_map.page)} * newest->page_bytes / kSectorBytes;
    if (exchange_bits(disk_, tree_, sector, format::kPageHeaderBytes, decisions_.draw(kStream))) {
      note(fault::Kind::kBitRot, "tree", sector * kSectorBytes, ", in the free map");
    }
  }

  // Where it says something: the rest of its sector is empty.
  void identity() {
    constexpr uint64_t kBits = 64 * 8;
    const uint64_t one_bit = decisions_.below(kStream, kBits) << 16U;  // see fault/bit_rot.h
    if (damage_sector(disk_, *disk_.find(directory_, "identity"), 0, fault::Kind::kBitRot, one_bit)) {
      note(fault::Kind::kBitRot, "identity", 0, ", in what it says");
    }
  }

  // Both copies of one of the two: the newest state may have been there.
  void meta_page() {
    constexpr std::array<fault::Kind, 3> kKinds = {fault::Kind::kBitRot, fault::Kind::kZeroedSector,
                                                   fault::Kind::kLatentSector};
    const uint64_t page_bytes = context_.config.page_bytes;
    const uint64_t page = decisions_.below(kStream, format::kMetaPages) * page_bytes;
    done_.must_refuse = true;
    for (const uint64_t offset : {page, page + page_bytes - format::kMetaCopyBytes}) {
      const fault::Kind kind = decisions_.pick(kStream, kKinds);
      if (damage_sector(disk_, tree_, offset / kSectorBytes, kind, decisions_.draw(kStream))) {
        note(kind, "tree", offset, ", a copy of a meta page");
      } else {
        done_.must_refuse = false;
      }
    }
  }

  void branch() {
    std::vector<LivePage> branches;
    std::ranges::copy_if(live_, std::back_inserter(branches),
                         [](const LivePage& page) { return page.kind == format::PageKind::kBranch; });
    if (branches.empty()) {
      return;
    }
    const LivePage page = pick(branches);
    const uint64_t sector = page.offset / kSectorBytes + decisions_.below(kStream, page.bytes / kSectorBytes);
    if (damage_sector(disk_, tree_, sector, fault::Kind::kBitRot, decisions_.draw(kStream))) {
      note(fault::Kind::kBitRot, "tree", sector * kSectorBytes, ", in a branch");
    }
  }

  void forged() {
    const auto newest = newest_meta(disk_.file(tree_));
    if (!newest || live_.empty()) {
      return;
    }
    const LivePage page = pick(live_);
    const auto field = static_cast<Field>(decisions_.below(kStream, static_cast<uint64_t>(Field::kCount)));
    std::vector<std::byte> bytes = read(disk_.file(tree_), page);
    forge(format::header_of(bytes.data()), field, decisions_.draw(kStream));
    format::seal_page(bytes, format::checksum_seed_of(newest->database_id));
    cover(disk_, tree_, page.offset, bytes, fault::Kind::kForgedPage);
    note(fault::Kind::kForgedPage, "tree", page.offset, fmt::format(", its {}", name_of(field)));
    done_.is_forged = true;
  }

  // Up to three sectors of any file.
  void sectors(AtRest at_rest) {
    constexpr std::array<fault::Kind, 4> kKinds = {fault::Kind::kBitRot, fault::Kind::kZeroedSector,
                                                   fault::Kind::kStaleSector, fault::Kind::kLatentSector};
    const std::vector<std::string> names = disk_.list(directory_);
    bool meta_hit = false;
    for (uint64_t left = 1 + decisions_.below(kStream, 3); left > 0; --left) {
      // Mostly the tree; its first pages more often than their share. If the log is needed, it as often.
      const bool any_file = decisions_.chance(kStream, at_rest == AtRest::kKilled ? 4 : 1, 8);
      const std::string name = any_file ? names[static_cast<size_t>(decisions_.below(kStream, names.size()))] : "tree";
      const auto file = disk_.find(directory_, name);
      // identity is less than one sector
      const uint64_t sectors = (disk_.file(*file).size() + kSectorBytes - 1) / kSectorBytes;
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
      if (damage_sector(disk_, *file, sector, kind, decisions_.draw(kStream))) {
        note(kind, name, sector * kSectorBytes);
      }
    }
  }

  const CopyContext& context_;
  SimDisk& disk_;
  Decisions& decisions_;
  const uint32_t directory_;
  const uint32_t tree_;
  const std::vector<LivePage> live_;
  bool is_newest_ = false;  // the state in the tree file is the one that the database shows
  RotDamage done_;
};

}  // namespace

RotDamage damage_at_rest(const CopyContext& context, SimDisk& disk, AtRest at_rest, Decisions& decisions) {
  return Vandal(context, disk, decisions).damage(at_rest);
}

RotDamage put_page_back(const CopyContext& context, SimDisk& disk, std::span<const std::byte> before,
                        Decisions& decisions) {
  return Vandal(context, disk, decisions).put_back(before);
}

}  // namespace holdfast::sim
