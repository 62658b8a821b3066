// SimDirectoryHandle: an open directory of a SimEnv; and the lock on one of its files.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/env.h>

#include "sim/sim_env.h"

namespace holdfast::sim {

class SimDirectoryHandle final : public Directory {
 public:
  SimDirectoryHandle(SimEnv& env, uint32_t directory, std::string_view path)
      : env_(env), directory_(directory), path_(path) {}

  Result<std::unique_ptr<File>> open_file(std::string_view name, OpenMode mode) override;
  Result<std::vector<std::string>> list() override;
  Result<void> rename(std::string_view from, std::string_view to) override;
  Result<void> remove(std::string_view name) override;
  Result<void> sync() override;
  Result<std::unique_ptr<FileLock>> lock(std::string_view name, LockMode mode) override;
  const std::string& path() const override { return path_; }

 private:
  SimEnv& env_;
  uint32_t directory_;
  std::string path_;
};

}  // namespace holdfast::sim
