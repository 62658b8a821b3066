// Judges what a killed process left, against what its clients were told.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <holdfast/holdfast.hpp>

#include "tests/torture/plan.h"

namespace holdfast::torture {

class Judge {
 public:
  // Takes in what the clients of the life that has just ended were told.
  void hear(const std::vector<Acknowledgement>& told);
  // Opens the database in `path` and looks at everything. Returns the promises that are broken, one line each.
  std::vector<std::string> judge(const std::string& path, const Options& options);

  uint64_t csn() const { return csn_; }
  uint64_t acknowledged() const { return acknowledged_; }
  uint64_t acknowledged_durable() const { return acknowledged_durable_; }
  uint64_t lost_deferred() const { return lost_deferred_; }
  uint64_t replayed() const { return replayed_; }
  uint64_t cut_records() const { return cut_records_; }

 private:
  void judge_open(Database& database);
  void judge_commits(const std::array<uint64_t, kClients>& last);
  void judge_rows(const Snapshot& snapshot, const std::array<uint64_t, kClients>& last);
  void broken(std::string what) { broken_.push_back(std::move(what)); }

  std::vector<Acknowledgement> told_;            // in the last life
  std::array<uint64_t, kClients> certain_ = {};  // commits up to it are durable, or were shown
  std::vector<std::string> broken_;
  uint64_t csn_ = 0, acknowledged_ = 0, acknowledged_durable_ = 0, lost_deferred_ = 0, replayed_ = 0, cut_records_ = 0;
};

}  // namespace holdfast::torture
