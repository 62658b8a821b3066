#include "wal/recovery_plan.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "format/page.h"

namespace holdfast::wal {

namespace {

struct Candidate {
  uint64_t first = 0;
  uint64_t last = 0;
  RecordRef ref;
};

// Records that reach beyond the checkpoint, in order of csn. Those with csns that cannot be, which no scan finds, are
// left out.
std::vector<Candidate> candidates_of(uint64_t checkpoint, std::span<const LaneSummary> lanes) {
  std::vector<Candidate> candidates;
  for (size_t lane = 0; lane < lanes.size(); ++lane) {
    for (size_t index = 0; index < lanes[lane].records.size(); ++index) {
      const RecordCsns& record = lanes[lane].records[index];
      const uint64_t first = to_int(record.first_csn);
      if (record.csn_count == 0 || first > format::kCsnMax || record.csn_count - 1 > format::kCsnMax - first) {
        continue;
      }
      const uint64_t last = first + record.csn_count - 1;
      if (last > checkpoint) {
        candidates.push_back({first, last, {lane, index}});
      }
    }
  }
  std::ranges::sort(candidates, [](const Candidate& a, const Candidate& b) {
    return std::tuple(a.first, a.last, a.ref.lane_index, a.ref.record_index) <
           std::tuple(b.first, b.last, b.ref.lane_index, b.ref.record_index);
  });
  return candidates;
}

// How likely the lane held a csn that no lane holds any more: its csns go up, so one with a later record never did.
int suspicion(const LaneSummary& lane, Csn lost) {
  const bool has_later =
      std::ranges::any_of(lane.records, [&](const RecordCsns& record) { return record.first_csn > lost; });
  const int kind = lane.end.kind == LaneEnd::Kind::kDamaged ? 2 : lane.end.kind == LaneEnd::Kind::kTorn ? 1 : 0;
  return has_later ? kind : kind + 3;
}

Damage damage_in(const LaneSummary& lane, Csn first_lost, Csn last_lost, std::string text) {
  return {lane.lane, lane.end.file, lane.end.offset, first_lost, last_lost, std::move(text)};
}

std::string lost_text(Csn first, Csn last) {
  return "csns " + std::to_string(to_int(first)) + " to " + std::to_string(to_int(last));
}

// A damaged lane, if there is one: what is beyond the run may have been durable in it.
std::optional<Damage> find_damaged_lane(std::span<const LaneSummary> lanes, Csn first_lost, Csn watermark) {
  for (const LaneSummary& lane : lanes) {
    if (lane.end.kind == LaneEnd::Kind::kDamaged && !PLANTED(kDamagedLaneIgnored)) {
      const Csn last_lost = std::max(watermark, lane.last_csn_seen);
      std::string text = lane.end.reason;
      if (first_lost <= last_lost) {
        text += "; " + lost_text(first_lost, last_lost) + " may be lost";
      }
      return damage_in(lane, first_lost, last_lost, std::move(text));
    }
  }
  return std::nullopt;
}

std::optional<Damage> find_lost_csns(std::span<const LaneSummary> lanes, Csn first_lost, Csn watermark) {
  if (watermark < first_lost || PLANTED(kWatermarkIgnored)) {
    return std::nullopt;
  }
  const auto suspect =
      std::ranges::max_element(lanes, {}, [&](const LaneSummary& lane) { return suspicion(lane, first_lost); });
  return damage_in(*suspect, first_lost, watermark,
                   lost_text(first_lost, watermark) + " were acknowledged and are not all in the log");
}

}  // namespace

LaneSummary summary_of(const LaneContents& contents) {
  LaneSummary summary{contents.identity.lane, {}, contents.watermark, contents.last_csn_seen, contents.end};
  summary.records.reserve(contents.records.size());
  for (const FoundRecord& record : contents.records) {
    summary.records.push_back({record.first_csn, record.csn_count});
  }
  return summary;
}

Error Damage::to_error() const {
  return Error(ErrorCode::kCorruption, "lane " + std::to_string(lane) + ": " + text).at(file, offset);
}

RecoveryPlan plan_recovery(Csn checkpoint, std::span<const LaneSummary> lanes) {
  CHECK(to_int(checkpoint) <= format::kCsnMax);
  RecoveryPlan plan;
  plan.last = checkpoint;
  Csn watermark{};
  for (const LaneSummary& lane : lanes) {
    watermark = std::max(watermark, lane.watermark);
  }
  std::optional<Damage> overlap;
  for (const Candidate& candidate : candidates_of(to_int(checkpoint), lanes)) {
    const uint64_t last = to_int(plan.last);
    if (candidate.first <= last && !overlap) {
      const LaneSummary& lane = lanes[candidate.ref.lane_index];
      overlap = damage_in(lane, Csn{candidate.first}, Csn{candidate.last},
                          lost_text(Csn{candidate.first}, Csn{candidate.last}) + " overlap with what is there already");
    }
    if (candidate.first == last + 1 ? plan.cut.empty() : candidate.first > last && PLANTED(kReplayOverGap)) {
      plan.replay.push_back(candidate.ref);
      plan.last = Csn{candidate.last};
    } else {
      plan.cut.push_back(candidate.ref);
    }
  }
  if (PLANTED(kLastRecordLost) && plan.replay.size() > 1) {
    const RecordRef last = plan.replay.back();
    plan.replay.pop_back();
    plan.last = Csn{to_int(lanes[last.lane_index].records[last.record_index].first_csn) - 1};
  }
  plan.damage = find_damaged_lane(lanes, next(plan.last), watermark);
  if (!plan.damage) {
    plan.damage = find_lost_csns(lanes, next(plan.last), watermark);
  }
  if (!plan.damage) {
    plan.damage = std::move(overlap);
  }
  return plan;
}

}  // namespace holdfast::wal
