// PinModel: which pins of whole states there should be. Each name belongs to one client, so what is asked of one pin is
// asked one after the other.
//
// A pin that is made, or let go, is durable when its caller was told; whoever was not told finds it whole or not at
// all, after a crash too. What a pinned state holds is the business of the Model: it is the state after a commit.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/stream_model.h"

namespace holdfast::sim {

struct SeenPin {
  std::string name;
  uint64_t csn = 0;
};

class PinModel {
 public:
  // Somebody begins to make the pin, of a state that is at least as new as `csn`.
  void begin_pin(const std::string& name, uint64_t csn);
  void begin_unpin(const std::string& name);
  // What began came to this; nullopt: there is no such pin.
  void is(const std::string& name, std::optional<uint64_t> csn);
  // What began changed nothing.
  void refused(const std::string& name);

  // How many were ever begun, and are under way: nobody is told the number of their commit.
  uint64_t begun() const { return begun_; }
  uint64_t under_way() const;

  // Where it is known for certain: the pinned commit. Outer nullopt: in doubt.
  std::optional<std::optional<uint64_t>> known(const std::string& name) const;
  // Whether these may be all pins.
  Verdict judge(const std::vector<SeenPin>& seen) const;
  // From now on these are.
  void settle(const std::vector<SeenPin>& seen);

 private:
  struct Pin {
    std::optional<uint64_t> csn;  // before what is under way
    bool under_way = false;
    std::optional<uint64_t> least_csn;  // of the pin that is being made; nullopt: it is let go
  };
  std::map<std::string, Pin> pins_;
  uint64_t begun_ = 0;
};

}  // namespace holdfast::sim
