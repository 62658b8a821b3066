// What a log says of itself, read from the bytes of its files, without the engine's scan.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "sim/sim_disk.h"

namespace holdfast::sim {

// The highest watermark in any frame of this wal epoch whose header can be read, wherever it lies: everything up to it
// was durable, and a database that shows less has lost something that it could have known of. (Damage to the last
// frames of a lane cannot be told from a torn tail.)
uint64_t readable_watermark(const SimDisk& disk, uint32_t directory, Epoch epoch);

}  // namespace holdfast::sim
