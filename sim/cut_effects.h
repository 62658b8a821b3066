// Cut effects: what one power cut took of what was not durable, counted by the faults that did it.
#pragma once

#include <string_view>

#include "sim/counters.h"
#include "sim/sim_disk.h"

namespace holdfast::sim {

// Counts a torn write if bytes differ that both images have, a lost size if a file has another one, and a lost name if
// one is there that was not, or the other way round. `after`: what the cut left of `before`. Only the files of one
// directory.
void count_cut_effects(const SimDisk& before, const SimDisk& after, std::string_view directory, Counters& counters);

}  // namespace holdfast::sim
