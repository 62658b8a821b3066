// Torn write: of the writes that no sync covered, a power cut keeps any sectors in any order (R1, R2, R11).
//
// Each sector independently keeps any version of its history. How likely a change is to survive is drawn per cut from
// extremes too, because "everything but one sector" and "nothing but one sector" are where protocols break.
#pragma once

#include <array>
#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct TornWrite {
  static constexpr Kind kKind = Kind::kTornWrite;
  static constexpr Class kClass = Class::kLegal;
  static constexpr const char* kName = "torn_write";
  static constexpr const char* kRules = "R1 R2 R10 R11 R12 R13";

  enum class Mode : uint8_t {
    kCoin,        // each with the same probability
    kAllButOne,   // one sector loses its newest version
    kNoneButOne,  // one sector keeps its newest version
    kRecent,      // changes before a moment survive, later ones by a fair coin: a device with a cache (R12)
  };
  // Out of 8 cuts: 5 by coin, 1 of each other mode.
  static constexpr std::array<Mode, 8> kModes = {Mode::kCoin, Mode::kCoin,      Mode::kCoin,       Mode::kCoin,
                                                 Mode::kCoin, Mode::kAllButOne, Mode::kNoneButOne, Mode::kRecent};
  // The coin, in 256ths.
  static constexpr std::array<uint32_t, 5> kKeepOf256 = {0, 26, 128, 230, 256};
};

}  // namespace holdfast::fault
