// Dice: how a fault plan asks for chance; whoever draws plans brings the source.
#pragma once

#include <cstdint>

namespace holdfast::fault {

class Dice {
 public:
  virtual ~Dice() = default;
  // In [0, n). Pre: n > 0.
  virtual uint64_t below(uint64_t n) = 0;
};

}  // namespace holdfast::fault
