// FollowerCore: follow() in a thread of its own, and waiting for new records in between.
//
// Threads: any; the thread that it starts ends in stop().
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <holdfast/projection.h>
#include <holdfast/result.h>

#include "db/core.h"
#include "env/sync.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

class FollowerCore {
 public:
  FollowerCore(DatabaseCore& database, const std::string& projection, std::string_view stream, Reducer reducer,
               FollowOptions options);
  ~FollowerCore();

  // Errors: io.
  Result<void> start(Threads& threads);
  void stop();
  // Why it ended by itself.
  Result<void> status() const;

 private:
  void run();
  Result<void> follow();
  bool is_stopping() const { return stopping_.load(std::memory_order_relaxed); }

  DatabaseCore& database_;
  const std::string projection_;
  const std::string stream_;
  const Reducer reducer_;
  FollowOptions options_;
  std::unique_ptr<Thread> thread_;
  sync::Atomic<bool> stopping_{false};
  mutable sync::Mutex mutex_;
  std::optional<Error> error_;
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
