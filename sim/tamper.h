// Tampering: what is done to the segment files of a stream (fault/tampered_stream.h), and what must be found then.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <holdfast/stream.h>

#include "fault/tampered_stream.h"
#include "format/meta.h"
#include "sim/random.h"
#include "sim/sim_disk.h"

namespace holdfast::sim {

struct Tampering {
  std::string text;                // in words
  uint64_t first_changed = 0;      // of the records
  std::vector<Tamper> kinds;       // one of them is found; empty: any
  bool only_the_footer = false;    // `check` alone finds it
  bool reads_are_genuine = false;  // apart from corruption, reads give what was appended
};

// `older`: the disk as it was before. Nothing: there is no place for that.
std::optional<Tampering> tamper_with(SimDisk& disk, const SimDisk& older, uint32_t directory,
                                     const format::DatabaseId& id, fault::TamperedStream::How how,
                                     Decisions& decisions);

}  // namespace holdfast::sim
