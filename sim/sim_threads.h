// SimThreads: threads of the engine as fibers of the running scheduler. Without one, a thread runs to its end at once.
#pragma once

#include <holdfast/env.h>

namespace holdfast::sim {

class SimThreads final : public Threads {
 public:
  Result<std::unique_ptr<Thread>> start(std::string_view name, std::function<void()> body) override;
  uint32_t core_count() override { return 4; }
  uint64_t current_id() override;
};

}  // namespace holdfast::sim
