#include "sim/sim_threads.h"

#include "sim/race_detector.h"
#include "sim/scheduler.h"

namespace holdfast::sim {

namespace {

class FiberThread final : public Thread {
 public:
  explicit FiberThread(uint32_t fiber) : fiber_(fiber) {}
  void join() override {
    const Unwatched unwatched;
    if (Scheduler* scheduler = Scheduler::running(); scheduler != nullptr && fiber_ != 0) {
      scheduler->join(fiber_);
    }
  }

 private:
  uint32_t fiber_;  // 0: it ran inline and has ended
};

}  // namespace

Result<std::unique_ptr<Thread>> SimThreads::start(std::string_view name, std::function<void()> body) {
  const Unwatched unwatched;
  Scheduler* scheduler = Scheduler::running();
  if (scheduler == nullptr) {
    body();
    return std::make_unique<FiberThread>(0);
  }
  const uint32_t fiber = scheduler->spawn(std::string(name), [body = std::move(body)] {
    const Watched in_the_engine;
    body();
  });
  scheduler->yield(Point::kOperation);
  return std::make_unique<FiberThread>(fiber);
}

uint64_t SimThreads::current_id() {
  const Scheduler* scheduler = Scheduler::running();
  return scheduler == nullptr ? 0 : scheduler->current();
}

}  // namespace holdfast::sim
