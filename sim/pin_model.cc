#include "sim/pin_model.h"

#include <algorithm>
#include <utility>

namespace holdfast::sim {

void PinModel::begin_pin(const std::string& name, uint64_t csn) {
  Pin& pin = pins_[name];
  pin.under_way = true;
  pin.least_csn = csn;
  ++begun_;
}

void PinModel::begin_unpin(const std::string& name) {
  Pin& pin = pins_[name];
  pin.under_way = true;
  pin.least_csn.reset();
  ++begun_;
}

void PinModel::is(const std::string& name, std::optional<uint64_t> csn) {
  pins_[name] = {.csn = csn, .under_way = false, .least_csn = std::nullopt};
}

void PinModel::refused(const std::string& name) { pins_[name].under_way = false; }

uint64_t PinModel::under_way() const {
  return static_cast<uint64_t>(std::ranges::count_if(pins_, [](const auto& entry) { return entry.second.under_way; }));
}

std::optional<std::optional<uint64_t>> PinModel::known(const std::string& name) const {
  const auto found = pins_.find(name);
  if (found == pins_.end()) {
    return std::optional<std::optional<uint64_t>>(std::in_place, std::nullopt);
  }
  if (found->second.under_way) {
    return std::nullopt;
  }
  return std::optional<std::optional<uint64_t>>(std::in_place, found->second.csn);
}

Verdict PinModel::judge(const std::vector<SeenPin>& seen) const {
  for (const SeenPin& pin : seen) {
    const auto found = pins_.find(pin.name);
    const bool is_known = found != pins_.end() && found->second.csn == pin.csn;
    const bool is_new = found != pins_.end() && found->second.under_way && !found->second.csn &&
                        found->second.least_csn && pin.csn >= *found->second.least_csn;
    if (!is_known && !is_new) {
      return "there is a pin \"" + pin.name + "\" of commit " + std::to_string(pin.csn) + ", which nobody made";
    }
  }
  for (const auto& [name, pin] : pins_) {
    const bool is_there = std::ranges::find(seen, name, &SeenPin::name) != seen.end();
    const bool may_be_gone = !pin.csn || (pin.under_way && !pin.least_csn);
    if (!is_there && !may_be_gone) {
      return "pin \"" + name + "\" of commit " + std::to_string(*pin.csn) + " is missing";
    }
  }
  return std::nullopt;
}

void PinModel::settle(const std::vector<SeenPin>& seen) {
  pins_.clear();
  for (const SeenPin& pin : seen) {
    is(pin.name, pin.csn);
  }
}

}  // namespace holdfast::sim
