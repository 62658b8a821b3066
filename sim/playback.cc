#include "sim/playback.h"

#include <algorithm>

namespace holdfast::sim {

namespace {

LifeDraws draws_of(const Decisions& decisions) {
  return {.config = decisions.position(Stream::kConfig),
          .schedule = decisions.position(Stream::kSchedule),
          .crash = decisions.position(Stream::kCrash),
          .probe = decisions.position(Stream::kProbe),
          .clock = decisions.position(Stream::kClock),
          .entropy = decisions.position(Stream::kEntropy)};
}

void go_to(Decisions& decisions, const LifeDraws& draws) {
  decisions.go_to(Stream::kConfig, draws.config);
  decisions.go_to(Stream::kSchedule, draws.schedule);
  decisions.go_to(Stream::kCrash, draws.crash);
  decisions.go_to(Stream::kProbe, draws.probe);
  decisions.go_to(Stream::kClock, draws.clock);
  decisions.go_to(Stream::kEntropy, draws.entropy);
}

}  // namespace

void Playback::begin_life(uint64_t number, ScriptedLife::Kind kind, const ScriptedLife* scripted,
                          Decisions& decisions) {
  life_ = scripted;
  fibers_.clear();
  operations_.clear();
  actions_.clear();
  points_.clear();
  switches_.clear();
  if (life_ != nullptr && life_->switching == Switching::kStay) {
    for (const ScriptedSwitch& each : life_->switches) {
      switches_[each] = each.to;
    }
  }
  if (life_ != nullptr) {
    go_to(decisions, life_->draws);
  }
  if (recorded_ != nullptr) {
    ScriptedLife& life = recorded_->lives.emplace_back();
    life.number = number;
    life.kind = kind;
    life.draws = draws_of(decisions);
  }
}

ScriptedClient* Playback::client_begins(uint32_t number, uint64_t seed, uint32_t fiber, size_t client_count) {
  if (life_ != nullptr) {
    const auto found = std::ranges::find(life_->clients, number, &ScriptedClient::number);
    fibers_[fiber] = found == life_->clients.end() ? fiber : found->fiber;
  }
  if (recorded_ == nullptr) {
    return nullptr;
  }
  std::vector<ScriptedClient>& clients = recorded_->lives.back().clients;
  clients.reserve(client_count);
  ScriptedClient& client = clients.emplace_back();
  client.number = number;
  client.fiber = fiber;
  client.seed = seed;
  return &client;
}

uint32_t Playback::next(uint32_t now, Cause cause) {
  const uint64_t nth = ++points_[{fiber(now), action(now), cause}];
  if (switches_.empty()) {
    return 0;
  }
  const auto found = switches_.find({.cause = cause, .nth = nth, .fiber = fiber(now), .action = action(now)});
  if (found == switches_.end()) {
    return 0;
  }
  const auto client = std::ranges::find_if(fibers_, [&](const auto& each) { return each.second == found->second; });
  return client == fibers_.end() ? found->second : client->first;
}

void Playback::switched(uint32_t now, Cause cause, uint32_t to) {
  if (recorded_ != nullptr) {
    recorded_->lives.back().switches.push_back({.cause = cause,
                                                .nth = points_[{fiber(now), action(now), cause}],
                                                .fiber = fiber(now),
                                                .action = action(now),
                                                .to = fiber(to)});
  }
}

void Playback::at_io(const IoEvent& event, Moment moment, uint32_t now) {
  if (life_ == nullptr && recorded_ == nullptr) {
    return;
  }
  here_.moment = moment;
  here_.fiber = fiber(now);
  here_.action = action(now);
  here_.kind = event.kind;
  here_.file = event.name;
  uint64_t& count = operations_[{here_.fiber, here_.action, event.kind, here_.file}];
  count += moment == Moment::kBefore ? 1 : 0;
  here_.nth = count;
}

std::vector<uint64_t> Playback::probes_here(std::optional<uint64_t> drawn) {
  std::vector<uint64_t> copies;
  if (life_ != nullptr) {
    for (const ScriptedProbe& probe : life_->probes) {
      if (probe.at == here_) {
        copies.push_back(probe.copy);
      }
    }
  } else if (drawn && played_ == nullptr) {
    copies.push_back(*drawn);
  }
  if (recorded_ != nullptr) {
    for (const uint64_t copy : copies) {
      recorded_->lives.back().probes.push_back({here_, copy});
    }
  }
  return copies;
}

bool Playback::fault_happens(fault::Kind kind, bool drawn) {
  if (life_ == nullptr && (recorded_ == nullptr || !drawn)) {
    return drawn;
  }
  const ScriptedFault fault{kind, here_};
  const bool happens = life_ == nullptr ? drawn : std::ranges::find(life_->faults, fault) != life_->faults.end();
  if (happens && recorded_ != nullptr) {
    recorded_->lives.back().faults.push_back(fault);
  }
  return happens;
}

bool Playback::does(Chore chore, bool drawn) {
  chore_begun_ = nullptr;
  bool done = drawn;
  if (life_ != nullptr) {
    const auto found = std::ranges::find(life_->chores, chore, &ScriptedChore::chore);
    done = found != life_->chores.end();
    chore_begun_ = done ? &*found : nullptr;
  }
  if (done && recorded_ != nullptr) {
    recorded_->lives.back().chores.push_back({.chore = chore});
  }
  return done;
}

void Playback::numbers_copies_from(uint64_t next_copy, uint64_t next_loss) {
  if (recorded_ != nullptr) {
    recorded_->lives.back().chores.back().next_copy = next_copy;
    recorded_->lives.back().chores.back().next_loss = next_loss;
  }
}

ScriptedEnd Playback::ends(ScriptedEnd::How drawn, Place place) {
  ScriptedEnd end;
  end.how = drawn;
  if (place == Place::kHere) {
    end.at = here_;
  }
  if (life_ != nullptr) {
    end = life_->end;
    // The place where it should have ended was not met.
    if (place == Place::kRest && end.at) {
      end = {};
    }
  }
  if (recorded_ != nullptr) {
    recorded_->lives.back().end = end;
  }
  return end;
}

SimDisk Playback::cut(const SimDisk& disk, const ScriptedEnd& end, Decisions& decisions) {
  CutImage image;
  image.kind = end.image.kind;
  image.metadata = end.image.metadata;
  const std::optional<uint32_t> directory = disk.find_directory("db");
  if (image.kind == CutImage::Kind::kListed && directory) {
    for (const ScriptedSector& sector : end.image.sectors) {
      if (const auto file = disk.find(*directory, sector.file)) {
        image.sectors.push_back({*file, sector.number});
      }
    }
  }
  std::vector<CutImage::Sector> kept;
  SimDisk left = disk.power_cut(decisions, image, recorded_ == nullptr ? nullptr : &kept);
  if (recorded_ != nullptr && directory) {
    std::map<uint32_t, std::string> names;
    for (const std::string& name : disk.list(*directory)) {
      names[*disk.find(*directory, name)] = name;
    }
    std::vector<ScriptedSector>& sectors = recorded_->lives.back().end.image.sectors;
    sectors.clear();
    for (const CutImage::Sector& sector : kept) {
      if (const auto name = names.find(sector.file); name != names.end()) {
        sectors.push_back({name->second, sector.number});
      }
    }
  }
  return left;
}

}  // namespace holdfast::sim
