#include "sim/probes.h"

#include "sim/foreign_probe.h"
#include "sim/loss_probe.h"
#include "sim/tamper_probe.h"
#include "sim/trace.h"

namespace holdfast::sim {

namespace {

constexpr uint64_t kSegmentProbeOneIn = 2;
constexpr uint64_t kSegmentProbes = 0x736567;  // key of the choice
constexpr uint64_t kTamperProbes = 3;          // where there are rot probes
// Far from the numbers of all other copies and clients.
constexpr uint64_t kForeignCopies = uint64_t{1} << 40U;
constexpr uint64_t kLossCopies = uint64_t{1} << 41U;
constexpr uint64_t kTamperedCopies = uint64_t{1} << 42U;

}  // namespace

std::optional<uint64_t> Probes::due(const IoEvent& event, Moment moment, bool is_shown) {
  const RunConfig& config = world_.config;
  if (config.crash_probe_one_in != 0 && probes_ < config.crash_probes_max && changes_disk(event.kind) &&
      decisions_.chance(Stream::kProbe, 1, config.crash_probe_one_in)) {
    ++probes_;
    return next_copy_;
  }
  if (moment == Moment::kAfter && is_shown && starts_a_segment(event) && segment_probes_ < config.segment_probes_max &&
      decisions_.chance_at(Stream::kProbe, mix(kSegmentProbes, ++segments_started_), 1, kSegmentProbeOneIn)) {
    ++segment_probes_;
    return next_copy_;
  }
  return std::nullopt;
}

void Probes::crash(const CopyContext& context, const SimDisk& disk, uint64_t copy) {
  ++world_.counters.crash_probes;
  next_copy_ = copy + 1;
  const CopyResult result = crash_probe(context, disk, decisions_.fork(copy));
  world_.trace.event(EventKind::kProbe, next_copy_, 0, 0, result.digest);
  world_.expect(result.verdict);
}

void Probes::damage_copies(const CopyContext& context, const SimDisk& disk, AtRest at_rest) {
  for (uint32_t count = 0; count < world_.config.rot_probes; ++count) {
    const CopyResult result = rot_probe(context, disk, at_rest, decisions_.fork(next_copy_++));
    world_.trace.event(EventKind::kProbe, next_copy_, 1, 0, result.digest);
    world_.expect(result.verdict);
  }
  if (world_.config.rot_probes > 0) {
    Decisions decisions = decisions_.fork(kForeignCopies + next_copy_);
    const ForeignChange what = draw_foreign_change(decisions);
    const CopyResult result = foreign_probe(context, disk, what, decisions);
    world_.trace.event(EventKind::kProbe, next_copy_, 2, 0, result.digest);
    world_.expect(result.verdict);
  }
  const uint32_t losses = at_rest == AtRest::kKilled ? world_.config.loss_probes : 0;
  for (uint32_t count = 0; count < losses; ++count) {
    const CopyResult result = loss_probe(context, disk, decisions_.fork(kLossCopies + next_loss_++));
    world_.trace.event(EventKind::kProbe, next_loss_, 3, 0, result.digest);
    world_.expect(result.verdict);
  }
  const uint64_t tampered = world_.config.rot_probes > 0 && world_.config.stream_count > 0 ? kTamperProbes : 0;
  for (uint64_t count = 0; count < tampered; ++count) {
    const CopyResult result =
        tamper_probe(context, disk, at_rest, decisions_.fork(kTamperedCopies + kTamperProbes * next_copy_ + count));
    world_.trace.event(EventKind::kProbe, next_copy_, 4, 0, result.digest);
    world_.expect(result.verdict);
  }
}

}  // namespace holdfast::sim
