// FixedEnv: the files of another environment, with a clock and entropy that are the same in every run and every world.
//
// Threads: one. There are none to start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include <holdfast/env.h>

#include "tests/draw.h"

namespace holdfast {

class FixedEnv final : public Env {
 public:
  // `files` must outlive this.
  FixedEnv(Env& files, uint64_t seed) : files_(files), random_(seed) {}

  Result<std::unique_ptr<Directory>> open_directory(std::string_view path, DirectoryMode mode) override {
    return files_.open_directory(path, mode);
  }
  Clock& clock() override { return clock_; }
  Random& random() override { return random_; }
  Threads& threads() override { return threads_; }

 private:
  // A millisecond passes from question to question.
  class FixedClock final : public Clock {
   public:
    uint64_t monotonic_ns() override { return monotonic_ns_ += kStepNs; }
    int64_t wall_ns() override { return wall_ns_ += kStepNs; }
    void sleep_ns(uint64_t duration_ns) override { monotonic_ns_ += duration_ns; }

   private:
    static constexpr int64_t kStepNs = 1'000'000;
    uint64_t monotonic_ns_ = 0;
    int64_t wall_ns_ = 1'700'000'000'000'000'000;
  };
  class FixedRandom final : public Random {
   public:
    explicit FixedRandom(uint64_t seed) : draw_(seed) {}
    void fill(std::span<std::byte> buffer) override {
      for (std::byte& byte : buffer) {
        byte = static_cast<std::byte>(draw_.below(256));
      }
    }

   private:
    Draw draw_;
  };
  class OneThread final : public Threads {
   public:
    Result<std::unique_ptr<Thread>> start(std::string_view /*name*/, std::function<void()> /*body*/) override {
      return fail(ErrorCode::kUnsupported, "no threads here");
    }
    uint32_t core_count() override { return 1; }
    uint64_t current_id() override { return 0; }
  };

  Env& files_;
  FixedClock clock_;
  FixedRandom random_;
  OneThread threads_;
};

}  // namespace holdfast
