// Tamper probes: copies of the disk whose streams somebody has tampered with, opened and verified while the run stands
// still.
#pragma once

#include "sim/copies.h"

namespace holdfast::sim {

// `disk` is at rest, the oracle settled, everything durable. Whether the promise of fault/tampered_stream.h is kept.
CopyResult tamper_probe(const CopyContext& context, const SimDisk& disk, AtRest at_rest, Decisions decisions);

}  // namespace holdfast::sim
