// Settings: the numbers of a RunConfig that a repro may set to something other than what its seed draws.
//
// Only such numbers are here as every script can be run with. A fault is switched off by setting its rate to 0.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sim/run_config.h"

namespace holdfast::sim {

struct Setting {
  // Whether a value between the simplest and the drawn one is any simpler: of a rate it is not.
  enum class Between : uint8_t { kNothing, kSimpler };
  std::string_view name;
  Between between;
  uint64_t min;  // the simplest
  uint64_t max;
  uint64_t (*get)(const RunConfig& config);
  void (*set)(RunConfig& config, uint64_t value);
};

struct SetValue {
  std::string name;
  uint64_t value = 0;

  bool operator==(const SetValue&) const = default;
};

std::span<const Setting> all_settings();
// Null if there is none of that name.
const Setting* setting_named(std::string_view name);

}  // namespace holdfast::sim
