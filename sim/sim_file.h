// SimFile: an open file of a SimEnv.
#pragma once

#include <string>
#include <string_view>

#include <holdfast/env.h>

#include "sim/sim_env.h"

namespace holdfast::sim {

class SimFile final : public File {
 public:
  enum class Access : uint8_t { kRead, kReadWrite };
  // The disk counts this handle already.
  SimFile(SimEnv& env, uint32_t file, std::string_view name, Access access);
  ~SimFile() override;
  SimFile(const SimFile&) = delete;
  SimFile& operator=(const SimFile&) = delete;

  Result<void> sync() override;
  Result<uint64_t> size() override;
  Result<void> truncate(uint64_t bytes) override;
  Result<void> allocate(uint64_t offset, uint64_t bytes) override;
  const std::string& name() const override { return name_; }

 protected:
  Transfer read_some(uint64_t offset, std::span<std::byte> buffer) override;
  Transfer write_some(uint64_t offset, std::span<const std::byte> data) override;

 private:
  IoEvent event(IoKind kind, uint64_t offset = 0, uint64_t bytes = 0) const {
    return {.kind = kind, .file = file_, .name = name_, .offset = offset, .bytes = bytes};
  }
  // 0, or the error with which the change is refused before it is tried.
  int refuse_change() const;
  std::unexpected<Error> failure(const char* what, int os_error) const;

  SimEnv& env_;
  uint32_t file_;
  std::string name_;
  Access access_;
  uint64_t sync_errors_seen_;   // of the file's failed syncs; each handle is told once (R14)
  uint32_t distrusted_by_ = 0;  // the fiber that was told
  bool distrusted_ = false;     // a sync failed here: the engine may not rely on this handle any more
};

}  // namespace holdfast::sim
