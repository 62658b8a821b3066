// Plans recoveries of lanes that say anything. The plan replays a run without gaps from the checkpoint, names no record
// twice, and never cuts what a watermark calls acknowledged without calling it damage.
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "base/check.h"
#include "format/page.h"
#include "fuzz/choices.h"
#include "wal/recovery_plan.h"

namespace {

using namespace holdfast;

// Mostly small, so that csns meet; sometimes at the ends of what fits.
uint64_t draw_csn(fuzz::Choices& input) {
  switch (input.below(16)) {
    case 0: return format::kCsnMax - input.below(4);
    case 1: return UINT64_MAX - input.below(4);
    default: return input.below(24);
  }
}

wal::LaneSummary draw_lane(fuzz::Choices& input, uint16_t lane) {
  wal::LaneSummary summary;
  summary.lane = lane;
  summary.watermark = Csn{input.below(3) == 0 ? draw_csn(input) : 0};
  summary.last_csn_seen = Csn{draw_csn(input)};
  summary.end.kind = static_cast<wal::LaneEnd::Kind>(input.below(8) < 7 ? input.below(2) : 2);
  for (uint32_t count = input.below(8); count > 0; --count) {
    const uint64_t first = draw_csn(input);
    summary.records.push_back({Csn{first}, input.below(16) == 15 ? UINT32_MAX : input.below(4)});
  }
  return summary;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  fuzz::Choices input(data, bytes);
  const Csn checkpoint{input.below(8) == 7 ? format::kCsnMax - input.below(4) : input.below(8)};
  std::vector<wal::LaneSummary> lanes;
  Csn watermark{};
  bool has_damaged_lane = false;
  for (uint32_t count = input.below(5); count > 0; --count) {
    lanes.push_back(draw_lane(input, static_cast<uint16_t>(lanes.size())));
    watermark = std::max(watermark, lanes.back().watermark);
    has_damaged_lane = has_damaged_lane || lanes.back().end.kind == wal::LaneEnd::Kind::kDamaged;
  }
  const wal::RecoveryPlan plan = wal::plan_recovery(checkpoint, lanes);
  uint64_t last = to_int(checkpoint);
  std::set<std::pair<size_t, size_t>> named;
  for (const wal::RecordRef& ref : plan.replay) {
    const wal::RecordCsns& record = lanes[ref.lane_index].records[ref.record_index];
    CHECK(to_int(record.first_csn) == last + 1 && record.csn_count > 0);
    last += record.csn_count;
    CHECK(named.emplace(ref.lane_index, ref.record_index).second);
  }
  CHECK(to_int(plan.last) == last && last <= format::kCsnMax);
  for (const wal::RecordRef& ref : plan.cut) {
    CHECK(named.emplace(ref.lane_index, ref.record_index).second);
  }
  if (plan.damage) {
    CHECK(plan.damage->to_error().code() == ErrorCode::kCorruption);
  } else {
    CHECK(watermark <= plan.last && !has_damaged_lane);
    CHECK(wal::plan_recovery(plan.last, lanes).replay.empty());
  }
  return 0;
}
