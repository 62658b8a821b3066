// DatabaseCore: an open database: its files, its pages, its committer.
//
// Threads:    any number.
// Invariants: (1) it outlives every ReadState and TransactionCore that came from it; close() refuses otherwise.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <holdfast/database.h>

#include "db/committer.h"
#include "db/conflicts.h"
#include "db/open.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

class DatabaseCore {
 public:
  static Result<std::unique_ptr<DatabaseCore>> open(std::string_view path, const Options& options);

  PageStore& store() const { return *files_.store; }
  Directory& directory() const { return *files_.directory; }
  bool read_only() const { return read_only_; }
  ActiveTransactions& active() { return active_; }
  Committer& committer() { return committer_; }

  std::unique_ptr<TransactionCore> begin(Isolation isolation);
  Stats stats() const;
  Result<CheckReport> check(const std::function<bool(uint64_t done, uint64_t total)>& progress);
  // Waits for the commit in flight. Errors: busy (snapshots or transactions are alive; nothing is done).
  Result<void> prepare_close();

 private:
  DatabaseCore(OpenFiles files, bool read_only);

  OpenFiles files_;
  bool read_only_;
  ActiveTransactions active_;
  Committer committer_;
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
