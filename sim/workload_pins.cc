// See workload.h. What a client does with pins of whole states: makes them, reads what they hold, lets them go.
#include <utility>

#include <fmt/format.h>

#include "sim/inspect.h"
#include "sim/workload.h"

namespace holdfast::sim {

namespace {

constexpr uint64_t kPinsMax = 2;  // of a client
constexpr uint64_t kPausesMax = 20;

}  // namespace

void Client::pin_state() {
  const std::string pin = fmt::format("{} {}", name_, generator_.below(kPinsMax));
  PinModel& pins = world_.oracle.model().pins();
  const auto known = pins.known(pin);
  if (!known) {
    return;  // in doubt until the next life
  }
  if (!*known) {
    return make_pin(pin);
  }
  if (generator_.one_in(2)) {
    return read_pin(pin, **known);
  }
  let_pin_go(pin, **known);
}

void Client::make_pin(const std::string& pin) {
  PinModel& pins = world_.oracle.model().pins();
  const Before seen = before();
  const Asked asked = world_.oracle.ask();
  world_.oracle.hide(1, Durability::kDurable);
  pins.begin_pin(pin, asked.floor);
  const auto made = watched([&] { return database_.pin(pin); });
  if (world_.over()) {
    return;
  }
  if (!made) {
    if (made.error().code() != ErrorCode::kOutcomeUnknown) {
      pins.refused(pin);
    }
    excuse(made.error(), seen, "pin");
    return;
  }
  ++world_.counters.pins;
  const uint64_t csn = to_int(made->csn);
  if (csn < asked.floor) {
    world_.broken(
        fmt::format("{}: pin \"{}\" is of commit {}, but {} had been shown before", name_, pin, csn, asked.floor));
  }
  pins.is(pin, csn);
  world_.expect(world_.oracle.certain(name_, csn + 1));  // the commit that made it is the next
  learn();
}

void Client::let_pin_go(const std::string& pin, uint64_t csn) {
  PinModel& pins = world_.oracle.model().pins();
  std::optional<Snapshot> held;
  if (generator_.one_in(2)) {
    held = pinned_snapshot(pin, csn);
    if (!held) {
      return;
    }
  }
  const Before seen = before();
  world_.oracle.hide(1, Durability::kDurable);
  pins.begin_unpin(pin);
  const auto was_there = watched([&] { return database_.unpin(pin); });
  if (world_.over()) {
    return;
  }
  if (!was_there) {
    if (was_there.error().code() != ErrorCode::kOutcomeUnknown) {
      pins.refused(pin);
    }
    excuse(was_there.error(), seen, "unpin");
    return;
  }
  if (!*was_there) {
    world_.broken(fmt::format("{}: unpin says that there is no pin \"{}\" of commit {}", name_, pin, csn));
  }
  pins.is(pin, std::nullopt);
  learn();
  remarkable(3);
  if (held) {
    world_.pause();
    judge_pinned(*held, pin, csn);
  }
}

void Client::read_pin(const std::string& pin, uint64_t csn) {
  const auto snapshot = pinned_snapshot(pin, csn);
  if (snapshot) {
    judge_pinned(*snapshot, pin, csn);
  }
}

std::optional<Snapshot> Client::pinned_snapshot(const std::string& pin, uint64_t csn) {
  const Before seen = before();
  auto snapshot = watched([&] { return generator_.one_in(2) ? database_.as_of(pin) : database_.as_of(Csn{csn}); });
  if (world_.over()) {
    return std::nullopt;
  }
  if (!snapshot) {
    excuse(snapshot.error(), seen, "as_of");
    return std::nullopt;
  }
  if (to_int(snapshot->csn()) != csn) {
    world_.broken(fmt::format("{}: pin \"{}\" is of commit {}, but as_of shows commit {}", name_, pin, csn,
                              to_int(snapshot->csn())));
  }
  return std::move(*snapshot);
}

// The pinned state is the one after its commit, whatever came later.
void Client::judge_pinned(const Snapshot& snapshot, const std::string& pin, uint64_t csn) {
  const Before seen = before();
  for (uint64_t pauses = 0; csn > world_.oracle.model().newest_csn() && pauses < kPausesMax && !world_.over();
       ++pauses) {
    world_.pause();
  }
  if (csn > world_.oracle.model().newest_csn() || world_.over()) {
    return;
  }
  const auto buckets = watched([&] { return read_buckets(snapshot, world_.oracle.model()); });
  if (world_.over()) {
    return;
  }
  if (!buckets) {
    excuse(buckets.error(), seen, "a read of a pinned state");
    return;
  }
  ++world_.counters.pins_read;
  if (const Verdict verdict = judge_buckets(*buckets, world_.oracle.model(), csn)) {
    world_.broken(fmt::format("{}: pin \"{}\" of commit {}: {}", name_, pin, csn, *verdict));
  }
}

void Client::drop_pins() {
  const auto pins = watched([&] { return database_.pins(); });
  if (!pins) {
    world_.broken("the list of pins answered " + pins.error().to_string());
  }
  for (const Pin& pin : *pins) {
    world_.oracle.hide(1, Durability::kDurable);
    world_.oracle.model().pins().begin_unpin(pin.name);
    const auto was_there = watched([&] { return database_.unpin(pin.name); });
    if (!was_there || !*was_there) {
      world_.broken("unpin of \"" + pin.name + "\" answered " +
                    (was_there ? std::string("that it is not there") : was_there.error().to_string()));
    }
    world_.oracle.model().pins().is(pin.name, std::nullopt);
  }
  learn();
}

}  // namespace holdfast::sim
