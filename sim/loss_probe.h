// Loss probes: copies of the disk of a killed database whose log is damaged so that opening it refuses, and on which
// somebody accepts the loss with Database::recover, in spite of power cuts and kills on the way.
#pragma once

#include "sim/copies.h"

namespace holdfast::sim {

// `disk` is that of a process that was killed, the oracle settled, everything durable. Afterwards the copy must show a
// beginning of the commit order, which holds at least everything before the damage and is what the report says, for
// good; and the log as it was must lie beside it.
CopyResult loss_probe(const CopyContext& context, const SimDisk& disk, Decisions decisions);

}  // namespace holdfast::sim
