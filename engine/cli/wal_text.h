// How the write-ahead log is named to people, by the commands that look at it.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "db/log_inspection.h"

namespace holdfast::cli {

// "csn 7", "csns 7 to 9"
std::string csns_text(Csn first, Csn last);
// "wal-00-0001 offset 8192"
std::string place_text(std::string_view file, uint64_t offset);
// "in-tree", "replayed", "cut", "unknown"
std::string_view fate_name(InspectedRecord::Fate fate);
// "clean", "torn", "damaged"
std::string_view end_name(wal::LaneEnd::Kind kind);

nlohmann::ordered_json damage_as_json(const CheckReport::Damage& damage);

// Which commits are lost, or may be, if the log is recovered as it is. Nothing if none are.
struct Loss {
  Csn first{}, last{};
  bool any() const { return to_int(first) != 0 && first <= last; }
};
Loss loss_of(const LogInspection& log);

}  // namespace holdfast::cli
