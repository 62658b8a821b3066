#include "tests/torture/judge.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <string_view>

namespace holdfast::torture {

namespace {

std::string commit_text(uint64_t client, uint64_t number, uint64_t csn) {
  return "commit " + std::to_string(number) + " of client " + std::to_string(client) + " (csn " + std::to_string(csn) +
         ")";
}

}  // namespace

void Judge::hear(const std::vector<Acknowledgement>& told) {
  told_ = told;
  for (const Acknowledgement& one : told) {
    acknowledged_ += 1;
    if (one.is_durable != 0) {
      acknowledged_durable_ += 1;
      certain_[one.client] = std::max(certain_[one.client], one.number);
    }
  }
}

std::vector<std::string> Judge::judge(const std::string& path, const Options& options) {
  broken_.clear();
  auto database = Database::open(path, options);
  if (!database) {
    broken("open: " + database.error().to_string());
    return broken_;
  }
  judge_open(*database);
  if (const auto closed = database->close(); !closed) {
    broken("close: " + closed.error().to_string());
  }
  return broken_;
}

void Judge::judge_open(Database& database) {
  const Stats stats = database.stats().value();
  csn_ = to_int(stats.csn);
  replayed_ += stats.recovery.replayed_commits;
  cut_records_ += stats.recovery.cut_records;
  std::array<uint64_t, kClients> last{};
  for (uint32_t client = 0; client < kClients; ++client) {
    const auto found = database.get("last", std::to_string(client));
    if (!found && found.error().code() != ErrorCode::kNotFound) {
      broken("get: " + found.error().to_string());
    }
    last[client] = found && *found ? std::strtoull((*found)->c_str(), nullptr, 10) : 0;
  }
  judge_commits(last);
  judge_rows(database.snapshot(), last);
  const auto report = database.check();
  if (!report) {
    broken("check: " + report.error().to_string());
    return;
  }
  for (const auto& damage : report->damage) {
    broken("check: " + damage.file + " offset " + std::to_string(damage.offset) + ": " + damage.what);
  }
}

void Judge::judge_commits(const std::array<uint64_t, kClients>& last) {
  const uint64_t sum = std::accumulate(last.begin(), last.end(), uint64_t{0});
  if (sum != csn_) {
    broken("the state has csn " + std::to_string(csn_) + ", but the clients' commits in it are " + std::to_string(sum));
  }
  for (const Acknowledgement& told : told_) {
    if (told.csn <= csn_ && told.number > last[told.client]) {
      broken(commit_text(told.client, told.number, told.csn) + " is missing, but csn " + std::to_string(csn_) +
             " is there: no prefix");
    } else if (told.csn > csn_ && told.number <= last[told.client]) {
      broken(commit_text(told.client, told.number, told.csn) + " is there, but the state ends with csn " +
             std::to_string(csn_));
    } else if (told.csn > csn_ && told.is_durable == 0) {
      lost_deferred_ += 1;
    }
  }
  for (uint32_t client = 0; client < kClients; ++client) {
    if (last[client] < certain_[client]) {
      broken("client " + std::to_string(client) + " was told that its commit " + std::to_string(certain_[client]) +
             " is durable, or saw it, and the last one there is " + std::to_string(last[client]));
    }
    certain_[client] = std::max(certain_[client], last[client]);
  }
}

void Judge::judge_rows(const Snapshot& snapshot, const std::array<uint64_t, kClients>& last) {
  uint64_t expected_rows = 0;
  for (uint32_t client = 0; client < kClients; ++client) {
    for (uint32_t index = 0; index < kRowsMax; ++index) {
      const std::optional<std::string> expected = expected_row(client, last[client], index);
      expected_rows += expected ? 1U : 0U;
      const auto found = snapshot.bucket("rows").get(row_key(client, index));
      if (!found && (found.error().code() != ErrorCode::kNotFound || expected)) {
        broken("row " + row_key(client, index) + ": " + found.error().to_string());
      } else if (found && *found != expected) {
        broken("half a commit: row " + row_key(client, index) + " after commit " + std::to_string(last[client]) +
               " of its client is " + (*found ? std::string((*found)->substr(0, 40)) : "not there") + ", not " +
               (expected ? expected->substr(0, 40) : "away"));
      }
    }
  }
  uint64_t rows = 0;
  if (snapshot.bucket("rows").exists()) {
    Range range = snapshot.bucket("rows").all();
    for ([[maybe_unused]] const auto row : range) {
      rows += 1;
    }
    if (!range.status()) {
      broken("reading all rows: " + range.status().error().to_string());
    }
  }
  if (rows != expected_rows) {
    broken("there are " + std::to_string(rows) + " rows, not " + std::to_string(expected_rows));
  }
}

}  // namespace holdfast::torture
