// SimEntropy: the random device of a simulated machine; the seed decides what it gives.
#pragma once

#include <holdfast/env.h>

#include "sim/race_detector.h"
#include "sim/random.h"

namespace holdfast::sim {

class SimEntropy final : public Random {
 public:
  explicit SimEntropy(Decisions& decisions) : decisions_(decisions) {}

  void fill(std::span<std::byte> buffer) override {
    const Unwatched unwatched;
    for (std::byte& byte : buffer) {
      byte = static_cast<std::byte>(decisions_.draw(Stream::kEntropy) >> 56U);
    }
  }

 private:
  Decisions& decisions_;
};

}  // namespace holdfast::sim
