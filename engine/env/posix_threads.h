// Threads of the operating system.
#pragma once

#include <holdfast/env.h>

namespace holdfast {

class PosixThreads final : public Threads {
 public:
  Result<std::unique_ptr<Thread>> start(std::string_view name, std::function<void()> body) override;
  uint32_t core_count() override;
  uint64_t current_id() override;
};

}  // namespace holdfast
