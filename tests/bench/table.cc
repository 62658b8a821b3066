#include "tests/bench/table.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

namespace holdfast::bench {
namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// "1,234,567", or two decimals for small figures.
std::string readable(double value) {
  if (value < 10) return fmt::format("{:.2f}", value);
  std::string digits = fmt::format("{:.0f}", value);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

}  // namespace

void Table::ReportRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    if (run.error_occurred || run.run_type != Run::RT_Iteration) continue;
    const std::string name = run.run_name.function_name;
    const size_t slash = name.rfind('/');
    const auto ops = run.counters.find("ops");
    const double seconds = run.counters.contains("cpu") ? run.cpu_accumulated_time : run.real_accumulated_time;
    const double nanoseconds = seconds * 1e9 / static_cast<double>(run.iterations);
    add(name.substr(0, slash), name.substr(slash + 1),
        nanoseconds / (ops == run.counters.end() ? 1.0 : ops->second.value));
    fmt::print(stderr, "{}: {:.0f} ns\n", name, nanoseconds);
  }
}

void Table::announce(const std::string& work) {
  if (std::find(works_.begin(), works_.end(), work) == works_.end()) works_.push_back(work);
}

void Table::add(const std::string& work, const std::string& engine, double value) {
  announce(work);
  values_[work][engine].push_back(value);
}

void Table::print() const {
  fmt::print(
      "\nns per operation, medians; in brackets: times that of holdfast (more than 1: holdfast is better)\n"
      "(cpu): CPU time of the thread that reads, which does not count what others do on this machine; else wall "
      "time\n\n");
  if (std::array<double, 3> load{}; getloadavg(load.data(), static_cast<int>(load.size())) > 0) {
    fmt::print("load of the machine over the last 1, 5, 15 minutes: {:.1f}, {:.1f}, {:.1f}\n\n", load[0], load[1],
               load[2]);
  }
  fmt::print("{:<52}", "work");
  for (const std::string& engine : engines_) fmt::print(" {:>19}", engine);
  fmt::print("\n");
  for (const std::string& work : works_) {
    const auto measured = values_.find(work);
    if (measured == values_.end()) continue;  // filtered out
    const auto& row = measured->second;
    const auto ours = row.find("holdfast");
    fmt::print("{:<52}", work);
    for (const std::string& engine : engines_) {
      const auto cell = row.find(engine);
      std::string text = "-";
      if (cell != row.end()) {
        text = readable(median(cell->second));
        if (engine != "holdfast" && ours != row.end()) {
          text += fmt::format(" ({:.2f})", median(cell->second) / median(ours->second));
        }
      }
      fmt::print(" {:>19}", text);
    }
    fmt::print("\n");
  }
  std::fflush(stdout);
}

}  // namespace holdfast::bench
