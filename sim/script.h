// Script: a run as data, in as much detail as it takes to leave parts of it out and keep the others as they were.
//
// A run that is recorded gives a script; the script, run again, is the same run event by event. Every part knows where
// its own draws begin: a life, where the streams of the run stand; a client, the seed of its decisions; an action and a
// step of a transaction, the position in the client's stream. So whatever is taken away, the rest draws what it drew.
// An operation of the disk is named by who makes it and what for (IoPoint), so that the name outlives changes
// elsewhere.
//
// Plain data. sim/repro.h has its text form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fault/kind.h"
#include "sim/disk_hooks.h"
#include "sim/run_config.h"
#include "sim/scheduler.h"
#include "sim/survivors.h"

namespace holdfast::sim {

// The nth operation (from 1) of its kind on its file within one action of one fiber.
struct IoPoint {
  Moment moment = Moment::kBefore;
  uint32_t fiber = 0;   // as the trace numbers them: f1 opens the database, clients follow
  uint64_t action = 0;  // of a client; 0: outside actions
  IoKind kind = IoKind::kRead;
  std::string file;
  uint64_t nth = 1;

  bool operator==(const IoPoint&) const = default;
};

struct ScriptedStep {
  Move move = Move::kPut;
  uint64_t position = 0;  // in the client's stream, before the move was drawn

  bool operator==(const ScriptedStep&) const = default;
};

struct ScriptedSteps {
  std::vector<ScriptedStep> steps;
  uint64_t end = 0;  // the position after the last step

  bool operator==(const ScriptedSteps&) const = default;
};

struct ScriptedAction {
  // A check may follow an action at once, as a part of it.
  enum class Cause : uint8_t { kDrawn, kFollows };
  uint64_t number = 0;  // which one of the client, from 1
  Action action = Action::kTransaction;
  Cause cause = Cause::kDrawn;
  uint64_t position = 0;               // in the client's stream, after the action was drawn
  std::optional<ScriptedSteps> moves;  // nothing: they are drawn

  bool operator==(const ScriptedAction&) const = default;
};

struct ScriptedClient {
  uint32_t number = 0;
  uint32_t fiber = 0;  // its number in the run that was recorded
  uint64_t seed = 0;   // of its decisions
  std::vector<ScriptedAction> actions;
  uint64_t end = 0;  // the position after the last action

  bool operator==(const ScriptedClient&) const = default;
};

// What the main fiber of a life does beside its clients, if the draw says so.
enum class Chore : uint8_t {
  kCheckOpened,    // a check of the pages right after the database was opened
  kCheckReopened,  // the same in the last life, which opens it twice
  kCheckRest,      // a check when the clients have ended
  kDamageOpen,     // copies of the disk are damaged before the database is closed
  kClose,          // close() before the database goes
  kDamageClosed,   // copies are damaged when it is closed
  kCount,
};
constexpr size_t kChoreCount = static_cast<size_t>(Chore::kCount);

struct ScriptedChore {
  Chore chore = Chore::kClose;
  uint64_t next_copy = 0;  // kDamage...: the numbers of the copies, from here
  uint64_t next_loss = 0;

  bool operator==(const ScriptedChore&) const = default;
};

// A copy of the disk is cut, recovered and compared.
struct ScriptedProbe {
  IoPoint at;
  uint64_t copy = 0;  // its number, which is the key of its decisions

  bool operator==(const ScriptedProbe&) const = default;
};

// An operation that a fault hit. Others are left alone, whatever is drawn.
struct ScriptedFault {
  fault::Kind kind = fault::Kind::kIoError;
  IoPoint at;

  bool operator==(const ScriptedFault&) const = default;
};

// CutImage with names of files instead of numbers. In a script that was recorded, `sectors` are those that a drawn
// image kept.
struct ScriptedSector {
  std::string file;
  uint64_t number = 0;

  bool operator==(const ScriptedSector&) const = default;
};
struct ScriptedImage {
  CutImage::Kind kind = CutImage::Kind::kDrawn;
  CutImage::Metadata metadata = CutImage::Metadata::kLost;
  std::vector<ScriptedSector> sectors;

  bool operator==(const ScriptedImage&) const = default;
};

struct ScriptedEnd {
  enum class How : uint8_t { kRest, kKill, kPowerCut };
  How how = How::kRest;
  std::optional<IoPoint> at;  // nothing: after everything
  ScriptedImage image;

  bool operator==(const ScriptedEnd&) const = default;
};

// Where one fiber gives way to another, where all stay otherwise: at its nth decision point in this action, or where it
// waits or ends for the nth time.
struct ScriptedSwitch {
  Switches::Cause cause = Switches::Cause::kPoint;
  uint64_t nth = 1;
  uint32_t fiber = 0;
  uint64_t action = 0;
  uint32_t to = 0;

  bool operator==(const ScriptedSwitch&) const = default;
};

// Where the run's own streams and numbers stand when a life begins.
struct LifeDraws {
  uint64_t config = 0;
  uint64_t schedule = 0;
  uint64_t crash = 0;
  uint64_t probe = 0;
  uint64_t clock = 0;
  uint64_t entropy = 0;

  bool operator==(const LifeDraws&) const = default;
};

enum class Switching : uint8_t {
  kDrawn,
  kStay,  // a fiber runs until it waits or ends, then the next in turn; but for the switches that are listed
};

struct ScriptedLife {
  enum class Kind : uint8_t { kLife, kLast };
  uint64_t number = 0;
  Kind kind = Kind::kLife;
  LifeDraws draws;
  Switching switching = Switching::kDrawn;
  std::vector<ScriptedSwitch> switches;  // in a script that was recorded, those that were drawn
  std::vector<ScriptedClient> clients;
  std::vector<ScriptedChore> chores;
  std::vector<ScriptedProbe> probes;
  std::vector<ScriptedFault> faults;
  ScriptedEnd end;

  bool operator==(const ScriptedLife&) const = default;
};

struct Script {
  std::vector<ScriptedLife> lives;

  bool operator==(const Script&) const = default;
};

std::string_view name_of(Action action);
std::string_view name_of(Move move);
std::string_view name_of(Chore chore);
std::string_view name_of(IoKind kind);
std::string_view name_of(CutImage::Kind image);
std::optional<Action> action_named(std::string_view name);
std::optional<Move> move_named(std::string_view name);
std::optional<Chore> chore_named(std::string_view name);
std::optional<IoKind> io_kind_named(std::string_view name);
std::optional<CutImage::Kind> cut_image_named(std::string_view name);

}  // namespace holdfast::sim
