#include "db/follower.h"

#include <utility>

#include "db/projection_follow.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

// Who stops is told at the latest then, also if nothing is appended.
constexpr uint64_t kWaitNs = 100'000'000;

}  // namespace

FollowerCore::FollowerCore(DatabaseCore& database, const std::string& projection, std::string_view stream,
                           Reducer reducer, FollowOptions options)
    : database_(database),
      projection_(projection),
      stream_(stream),
      reducer_(std::move(reducer)),
      options_(std::move(options)) {
  options_.progress = [this, told = options_.progress](uint64_t position, uint64_t newest) {
    return (!told || told(position, newest)) && !is_stopping();
  };
}

FollowerCore::~FollowerCore() { stop(); }

Result<void> FollowerCore::start(Threads& threads) {
  HOLDFAST_TRY_ASSIGN(thread_, threads.start("hf-follow", [this] { run(); }));
  return {};
}

void FollowerCore::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  database_.streams().tell_growth();  // it may be waiting
  if (thread_) {
    thread_->join();
    thread_.reset();
  }
}

Result<void> FollowerCore::status() const {
  const sync::Lock lock(mutex_);
  return error_ ? Result<void>(fail(*error_)) : Result<void>();
}

void FollowerCore::run() {
  if (auto followed = follow(); !followed) {
    const sync::Lock lock(mutex_);
    error_ = std::move(followed).error();
  }
}

Result<void> FollowerCore::follow() {
  while (!is_stopping()) {
    HOLDFAST_TRY_ASSIGN(const FollowReport report, follow_stream(database_, projection_, stream_, reducer_, options_));
    if (report.stopped || report.to >= options_.until) {
      return {};
    }
    for (bool grown = false; !grown && !is_stopping();) {
      HOLDFAST_TRY_ASSIGN(grown, database_.wait_for_record(stream_, report.to, kWaitNs));
    }
  }
  return {};
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
