// Collects what Google Benchmark measured and prints it as one table: work by engine.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace holdfast::bench {

// Benchmarks are named "work/engine" (work without "/"), and say in the counter "ops" how many operations one iteration
// does, and by the counter "cpu" that the CPU time of their thread counts, not the time on the wall.
class Table : public benchmark::BenchmarkReporter {
 public:
  explicit Table(std::vector<std::string> engines) : engines_(std::move(engines)) {}

  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override;

  // The table's rows come in the order in which work is announced.
  void announce(const std::string& work);
  // A figure that is not a time.
  void add(const std::string& work, const std::string& engine, double value);
  // Medians; behind each peer's time, in brackets, how many times that of Holdfast it is.
  void print() const;

 private:
  std::vector<std::string> engines_;
  std::vector<std::string> works_;
  std::map<std::string, std::map<std::string, std::vector<double>>> values_;
};

}  // namespace holdfast::bench
