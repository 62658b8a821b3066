#include "cli/wal_text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/text.h"

namespace holdfast::cli {

std::string csns_text(Csn first, Csn last) {
  if (first == last) return fmt::format("csn {}", to_int(first));
  return fmt::format("csns {} to {}", to_int(first), to_int(last));
}

std::string place_text(std::string_view file, uint64_t offset) {
  return fmt::format("{} offset {}", escaped(file), offset);
}

std::string_view fate_name(InspectedRecord::Fate fate) {
  switch (fate) {
    case InspectedRecord::Fate::kInTree: return "in-tree";
    case InspectedRecord::Fate::kReplayed: return "replayed";
    case InspectedRecord::Fate::kCut: return "cut";
    case InspectedRecord::Fate::kUnknown: return "unknown";
  }
  return "unknown";
}

std::string_view end_name(wal::LaneEnd::Kind kind) {
  switch (kind) {
    case wal::LaneEnd::Kind::kClean: return "clean";
    case wal::LaneEnd::Kind::kTorn: return "torn";
    case wal::LaneEnd::Kind::kDamaged: return "damaged";
  }
  return "damaged";
}

nlohmann::ordered_json damage_as_json(const CheckReport::Damage& damage) {
  nlohmann::ordered_json object = {{"file", damage.file}, {"offset", damage.offset}};
  set_json_bytes(object, "what", damage.what);
  return object;
}

Loss loss_of(const LogInspection& log) {
  if (!log.plan().damage) return {};
  return {log.plan().damage->first_lost, log.plan().damage->last_lost};
}

}  // namespace holdfast::cli
