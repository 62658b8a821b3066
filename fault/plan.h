// FaultPlan: which faults happen in one simulated run, and how often. Data; the simulator carries it out.
//
// Plans are drawn by swarm: each kind is off in about half of the plans, so that rare combinations get room and common
// faults do not always hide the others.
#pragma once

#include "fault/bit_rot.h"
#include "fault/cache_eviction.h"
#include "fault/clock_jump.h"
#include "fault/dice.h"
#include "fault/directory_sync_fails.h"
#include "fault/foreign_file.h"
#include "fault/forged_page.h"
#include "fault/io_error.h"
#include "fault/kind.h"
#include "fault/latent_sector.h"
#include "fault/lost_name.h"
#include "fault/lost_size.h"
#include "fault/lost_write.h"
#include "fault/lying_flush.h"
#include "fault/misdirected_read.h"
#include "fault/misdirected_write.h"
#include "fault/no_space.h"
#include "fault/power_cut.h"
#include "fault/process_kill.h"
#include "fault/short_transfer.h"
#include "fault/stale_sector.h"
#include "fault/sync_fails.h"
#include "fault/tampered_stream.h"
#include "fault/torn_neighbour.h"
#include "fault/torn_write.h"
#include "fault/zeroed_sector.h"

namespace holdfast::fault {

// How far a run may go. Each level includes those before it.
enum class Budget : uint8_t {
  kNone,      // nothing ever fails
  kCrashes,   // kills and power cuts, and clocks that jump
  kLegal,     // and every error that the operating system may answer
  kDetected,  // and damage that must be noticed
};

struct FaultPlan {
  PowerCut power_cut;
  ProcessKill process_kill;
  SyncFails sync_fails;
  DirectorySyncFails directory_sync_fails;
  CacheEviction cache_eviction;
  IoError io_error;
  ShortTransfer short_transfer;
  NoSpace no_space;
  ClockJump clock_jump;
  BitRot bit_rot;
  ZeroedSector zeroed_sector;
  StaleSector stale_sector;
  LatentSector latent_sector;
  LostWrite lost_write;
  MisdirectedWrite misdirected_write;
  MisdirectedRead misdirected_read;
  TornNeighbour torn_neighbour;
  ForeignFile foreign_file;
  LyingFlush lying_flush;

  // The strictest class of fault that the plan can inject: what the oracle may have to forgive.
  Class worst_class() const;
  // True if an operation can be made to fail or be damaged; crashes aside.
  bool touches_io() const;
};

// A plan within the budget. The same dice give the same plan.
FaultPlan draw_plan(Dice& dice, Budget budget);

}  // namespace holdfast::fault
