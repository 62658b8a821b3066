// Generator: keys, values and choices of one client, from its own decisions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/random.h"
#include "sim/run_config.h"

namespace holdfast::sim {

class Generator {
 public:
  Generator(const RunConfig& config, Decisions decisions) : config_(config), decisions_(decisions) {}

  uint64_t below(uint64_t n) { return decisions_.below(Stream::kWorkload, n); }
  bool percent(uint32_t percent) { return below(100) < percent; }
  bool one_in(uint64_t n) { return below(n) == 0; }

  // Where its stream stands.
  uint64_t position() const { return decisions_.position(Stream::kWorkload); }
  void go_to(uint64_t position) { decisions_.go_to(Stream::kWorkload, position); }

  Action action() { return static_cast<Action>(weighted(config_.action_weights)); }
  Move move() { return static_cast<Move>(weighted(config_.move_weights)); }
  uint32_t bucket() { return static_cast<uint32_t>(below(config_.bucket_count)); }
  std::string key() { return make_key(key_number()); }
  // A prefix of some key.
  std::string prefix();
  uint32_t stream() { return static_cast<uint32_t>(below(config_.stream_count)); }
  // The same as value(), but half of them can be compressed.
  std::string event(uint64_t transaction, uint64_t write);
  // Up to `bytes_max` bytes that say which transaction, and which write of it, made them.
  std::string value(uint64_t transaction, uint64_t write);
  std::string marker(uint64_t transaction) const;
  std::string make_key(uint64_t number) const;
  uint64_t key_number();

 private:
  template <size_t kSize>
  size_t weighted(const std::array<uint32_t, kSize>& weights) {
    uint64_t sum = 0;
    for (const uint32_t weight : weights) {
      sum += weight;
    }
    uint64_t at = below(sum);
    size_t index = 0;
    while (at >= weights[index]) {
      at -= weights[index];
      ++index;
    }
    return index;
  }

  const RunConfig& config_;
  Decisions decisions_;
};

}  // namespace holdfast::sim
