// Report: one run as a self-contained web page that a stranger can read: what was promised and found, who did what
// when, what of each file was durable, where the power was cut, and why a sector that is missing was not durable.
#pragma once

#include <cstdint>
#include <string>

#include "sim/recorder.h"
#include "sim/run.h"

namespace holdfast::sim {

struct ReportTitle {
  std::string what;     // "seed 4711, profile default"
  std::string command;  // repeats it
};

// Pages of longer runs show the last events only, and say so.
constexpr uint64_t kReportEventsMax = 6000;

// No network, no other file: everything is in the text.
std::string report_page(const ReportTitle& title, const RunResult& result, const Recorder& recorder);

}  // namespace holdfast::sim
