#include "sim/recorder.h"

#include <algorithm>
#include <span>

#include "sim/block.h"

namespace holdfast::sim {

namespace {

std::vector<std::byte> seen_in(const SimDisk& disk, uint32_t file) {
  std::vector<std::byte> bytes(disk.file(file).size());
  disk.file(file).read_truth(0, bytes);
  return bytes;
}

// The name that leads to the file; empty if there is none.
std::string name_in(const SimDisk& disk, uint32_t file) {
  const auto directory = disk.find_directory("db");
  if (!directory) {
    return {};
  }
  for (const std::string& name : disk.list(*directory)) {
    if (disk.find(*directory, name) == file) {
      return name;
    }
  }
  return {};
}

std::vector<uint64_t> differing_sectors(std::span<const std::byte> before, std::span<const std::byte> after) {
  std::vector<uint64_t> sectors;
  for (uint64_t at = 0; at < before.size(); at += kSectorBytes) {
    const auto of = [at](std::span<const std::byte> bytes) {
      return at < bytes.size() ? bytes.subspan(at, std::min<uint64_t>(kSectorBytes, bytes.size() - at))
                               : std::span<const std::byte>();
    };
    if (!std::ranges::equal(of(before), of(after))) {
      sectors.push_back(at / kSectorBytes);
    }
  }
  return sectors;
}

}  // namespace

void Recorder::cut(const SimDisk& before, const SimDisk& after) {
  cut_ = {.number = events_.empty() ? 0 : events_.back().number, .files = {}};
  for (const uint32_t file : before.files()) {
    CutFile cut;
    cut.file = file;
    cut.name = name_in(before, file);
    cut.bytes_before = before.file(file).size();
    cut.gone = name_in(after, file).empty();
    if (!cut.gone) {
      cut.bytes_after = after.file(file).size();
      cut.lost = differing_sectors(seen_in(before, file), seen_in(after, file));
    }
    cut_.files.push_back(std::move(cut));
  }
}

}  // namespace holdfast::sim
