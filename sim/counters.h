// Counters: what one seed, or many, went through. Plain numbers, so that they can travel between processes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "fault/table.h"

namespace holdfast::sim {

struct Counters {
  uint64_t seeds = 0;
  uint64_t operations = 0;
  uint64_t commits = 0;
  uint64_t conflicts = 0;
  uint64_t refused_commits = 0;  // no_space, read_only, io: answered, nothing changed
  uint64_t opens = 0;
  uint64_t recoveries = 0;      // opens after a power cut or kill that were checked against the model
  uint64_t nested_crashes = 0;  // crashes before a recovery was over
  uint64_t power_cuts = 0;
  uint64_t kills = 0;
  uint64_t crash_probes = 0;
  uint64_t torn_refused = 0;     // of the crash probes, how many lost both copies of a meta page, and were refused
  uint64_t foreign_probes = 0;   // copies of the disk with a file missing, foreign or older
  uint64_t foreign_refused = 0;  // of them, how many the database refused, with the file's name
  uint64_t rot_probes = 0;       // damaged copies of the disk
  uint64_t rot_detected = 0;     // of them, how many met an error or reported damage
  uint64_t losses_unseen = 0;    // copies whose log was damaged and that opened, as if its tail were torn
  uint64_t losses = 0;           // copies whose log was damaged so that opening refused, and the loss accepted
  uint64_t loss_crashes = 0;     // recoveries of them that were cut off
  uint64_t doubts_survived = 0;
  uint64_t doubts_lost = 0;
  uint64_t logs_judged = 0;       // transactions and snapshots whose every answer was checked
  uint64_t attempts_ordered = 0;  // of them, and others, how many were in a history whose isolation was checked
  uint64_t rows_checked = 0;      // rows compared after recoveries and probes
  uint64_t disk_operations = 0;
  uint64_t switches = 0;
  uint64_t appended_records = 0;  // given to streams
  uint64_t followed_events = 0;   // applied by follow
  uint64_t followers = 0;         // threads that followed for a while
  uint64_t applied_batches = 0;
  uint64_t refused_batches = 0;
  uint64_t projections_read = 0;  // while others write
  uint64_t rebuilds = 0;
  uint64_t prunes = 0;
  uint64_t purges = 0;
  uint64_t drops = 0;
  uint64_t pins = 0;  // of whole states
  uint64_t pins_read = 0;
  uint64_t crashes_in_follow = 0;
  uint64_t crashes_in_rebuild = 0;
  uint64_t crashes_in_prune = 0;
  // Copies of the disk whose streams were tampered with, by how.
  std::array<uint64_t, fault::TamperedStream::kHowCount> tampered{};
  uint64_t runs_compared = 0;  // seeds that were run twice
  fault::Counts faults{};
  uint64_t planted_reached = 0;  // how often the place of the planted bug was come by

  void add(const Counters& other) {
    const auto sum = [](uint64_t& mine, uint64_t theirs) { mine += theirs; };
    sum(seeds, other.seeds);
    sum(operations, other.operations);
    sum(commits, other.commits);
    sum(conflicts, other.conflicts);
    sum(refused_commits, other.refused_commits);
    sum(opens, other.opens);
    sum(recoveries, other.recoveries);
    sum(nested_crashes, other.nested_crashes);
    sum(power_cuts, other.power_cuts);
    sum(kills, other.kills);
    sum(crash_probes, other.crash_probes);
    sum(torn_refused, other.torn_refused);
    sum(foreign_probes, other.foreign_probes);
    sum(foreign_refused, other.foreign_refused);
    sum(rot_probes, other.rot_probes);
    sum(rot_detected, other.rot_detected);
    sum(losses, other.losses);
    sum(losses_unseen, other.losses_unseen);
    sum(loss_crashes, other.loss_crashes);
    sum(doubts_survived, other.doubts_survived);
    sum(doubts_lost, other.doubts_lost);
    sum(logs_judged, other.logs_judged);
    sum(attempts_ordered, other.attempts_ordered);
    sum(rows_checked, other.rows_checked);
    sum(disk_operations, other.disk_operations);
    sum(switches, other.switches);
    sum(appended_records, other.appended_records);
    sum(followed_events, other.followed_events);
    sum(followers, other.followers);
    sum(applied_batches, other.applied_batches);
    sum(refused_batches, other.refused_batches);
    sum(projections_read, other.projections_read);
    sum(rebuilds, other.rebuilds);
    sum(prunes, other.prunes);
    sum(purges, other.purges);
    sum(drops, other.drops);
    sum(pins, other.pins);
    sum(pins_read, other.pins_read);
    sum(crashes_in_follow, other.crashes_in_follow);
    sum(crashes_in_rebuild, other.crashes_in_rebuild);
    sum(crashes_in_prune, other.crashes_in_prune);
    sum(runs_compared, other.runs_compared);
    sum(planted_reached, other.planted_reached);
    for (size_t how = 0; how < tampered.size(); ++how) {
      tampered[how] += other.tampered[how];
    }
    for (size_t kind = 0; kind < faults.size(); ++kind) {
      faults[kind] += other.faults[kind];
    }
  }
};

}  // namespace holdfast::sim
