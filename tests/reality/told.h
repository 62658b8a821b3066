// What a drawn program is told from its first step to its last.
#pragma once

#include <cstdint>
#include <string>

#include "tests/reality/program.h"

namespace holdfast::reality {

constexpr int kStepsOfProgram = 40;

inline std::string told_to_the_end(Env& env, const std::string& path, uint64_t seed) {
  DrawnProgram program(env, path, seed);
  std::string told = program.open() + "\n";
  for (int step = 0; step < kStepsOfProgram; ++step) {
    told += program.step() + "\n";
  }
  told += program.shown() + program.counters() + "\n";
  return told + program.close() + "\n";
}

}  // namespace holdfast::reality
