// The part of the tool that makes failures small and runs them again: `holdfast-sim shrink`, `replay --repro`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <CLI/CLI.hpp>

namespace holdfast::sim {

enum class Tracing : uint8_t { kOff, kOn };

class ShrinkCommand {
 public:
  // `profiles`: the names that there are, for people. Both must outlive this.
  ShrinkCommand(CLI::App& app, const std::string& profiles);

  bool parsed() const { return command_->parsed(); }
  // The exit code: 0 if the repro is written.
  int run(const std::function<bool()>& stop) const;

 private:
  CLI::App* command_;
  uint64_t seed_ = 0;
  std::string profile_ = "default";
  std::string file_;
  std::string promise_;
  uint32_t seconds_ = 20;
};

// The exit code: 0 clean, 1 a promise was broken, 2 no such file or not a repro.
int replay_repro(const std::string& file, Tracing tracing);

}  // namespace holdfast::sim
