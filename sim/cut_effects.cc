#include "sim/cut_effects.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "fault/table.h"

namespace holdfast::sim {

namespace {

std::vector<std::byte> read_all(const Inode& file, uint64_t bytes) {
  std::vector<std::byte> content(static_cast<size_t>(bytes));
  file.read_truth(0, content);
  return content;
}

}  // namespace

void count_cut_effects(const SimDisk& before, const SimDisk& after, std::string_view directory, Counters& counters) {
  const auto was = before.find_directory(directory);
  const auto is = after.find_directory(directory);
  if (!was || !is) {
    return;
  }
  const std::vector<std::string> names = before.list(*was);
  bool name_lost = names != after.list(*is);
  bool size_lost = false;
  bool torn = false;
  for (const std::string& name : names) {
    const auto then = before.find(*was, name);
    const auto now = after.find(*is, name);
    if (!now || *now != *then) {
      name_lost = true;
      continue;
    }
    const Inode& old_file = before.file(*then);
    const Inode& new_file = after.file(*now);
    size_lost = size_lost || old_file.size() != new_file.size();
    const uint64_t common = std::min(old_file.size(), new_file.size());
    torn = torn || read_all(old_file, common) != read_all(new_file, common);
  }
  const auto count = [&](fault::Kind kind, bool happened) {
    counters.faults[static_cast<size_t>(kind)] += happened ? 1U : 0U;
  };
  count(fault::Kind::kTornWrite, torn);
  count(fault::Kind::kLostSize, size_lost);
  count(fault::Kind::kLostName, name_lost);
}

}  // namespace holdfast::sim
