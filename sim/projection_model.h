// ProjectionModel: what the projections should hold: every version, for ever, made again from the events and batches.
//
// What a projection shows is told apart by its *applied position*, and not by a commit number: who feeds, prunes or
// rebuilds it is not told in which commits. So the model knows for each projection what was begun and what was
// answered, and when (*moments*), and from that which states may be shown to whoever asked at one moment and was shown
// something at another.
//
// What is legal after a crash, or when the database is opened again:
//   fed by a stream  Where a commit c was between the last checkpoint and the last one that was made: position, floor
//                    and rows are those after c, all of the same c. Position and rows are checked together; a floor may
//                    be any that was asked for since the checkpoint, since the versions below it come back with it.
//                    That it is there, that it is gone, that a table was purged, and which generation is shown, is
//                    logged: it survives whoever was answered, and happens whole or not at all for whoever was not.
//                    Both a purge and a rebuild make a checkpoint first, so that nobody is taken back behind them.
//   fed by batches   Exactly what the commits say that are there (Model numbers them); floors and purges are logged.
//   pins             Logged. No floor passes one.
// A pin of a projection that a crash took back may name a position that is not applied yet.
//
// A *lineage* is what one generation holds: a rebuild makes another one. Events that were redacted change nothing where
// they were applied as such, so that lineages of the same events may differ.
//
// Threads:    one at a time.
// Invariants: (1) of one projection at most one rebuild or purge is under way, no prune beside a rebuild, and a drop
// only
//                 alone: begin() sees to that, so that what may be shown stays few states; all else runs side by side;
//             (2) after settle() everything is answered.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/projection_audit.h"
#include "sim/projection_lineage.h"
#include "sim/stream_model.h"
#include "sim/txn_log.h"

namespace holdfast::sim {

class ProjectionModel {
 public:
  enum class Made : uint8_t { kNo, kMaybe, kYes };
  enum class Work : uint8_t { kFollow, kApply, kRebuild, kPrune, kPurge, kDrop, kPin, kRead, kCount };

  // --- which there are
  // The number of a name, from now on. `stream` nullopt: it is fed by batches.
  ProjectionId projection(std::string_view name, std::optional<StreamId> stream);
  size_t count() const { return projections_.size(); }
  const std::string& name(ProjectionId id) const { return projections_[id].name; }
  std::optional<ProjectionId> find(std::string_view name) const;

  // --- who works on them. begin() says whether it may be done now; false: nothing was begun.
  bool begin(ProjectionId id, Work work);
  void end(ProjectionId id, Work work);
  // How many works were ever begun.
  uint64_t works_begun(ProjectionId id) const { return projections_[id].begun; }
  uint64_t under_way(ProjectionId id) const;
  uint64_t under_way(Work work) const;
  // Of all projections, how many works were ever begun, and are under way.
  uint64_t all_begun() const;
  uint64_t all_under_way() const;
  uint64_t moment() { return ++moment_; }
  uint64_t known(ProjectionId id) const { return projections_[id].known; }
  bool may_be_there(ProjectionId id) const { return projections_[id].made != Made::kNo; }
  bool is_there(ProjectionId id) const { return projections_[id].made == Made::kYes; }

  // --- feeding
  // It is there, unless somebody drops it.
  void made(ProjectionId id);
  void may_be_made(ProjectionId id);
  // The reducer of somebody was given an event, whose payload has this hash, unless it is redacted. `least`: the
  // position was at least this when he asked; nothing: it was given to a rebuild.
  Verdict given(ProjectionId id, std::optional<uint64_t> least, uint64_t offset, std::optional<uint64_t> payload_hash);
  // Those up to `to` were applied as they were given: he works alone. `from`: see Lineage.
  enum class Feeding : uint8_t { kFollow, kRebuild };
  void applied_as_given(ProjectionId id, Feeding feeding, uint64_t from, uint64_t to);
  void applied(ProjectionId id, uint64_t position);
  // A commit is asked for that applies batches up to this one.
  void attempted(ProjectionId id, uint64_t position);
  Verdict apply(const TxnLog& transaction, uint64_t csn);
  void undo(uint64_t csn);

  // --- what else is done to them. Each is begun, and answered, or not.
  void begin_rebuild(ProjectionId id);
  void rebuilt(ProjectionId id, uint64_t position);
  void rebuild_failed(ProjectionId id);  // and the old tables stay
  // Whether the new tables must be the same as the old ones.
  bool rebuilds_the_same(ProjectionId id) const;
  // The number of this prune, for pruned().
  size_t begin_prune(ProjectionId id, uint64_t before);
  Verdict pruned(ProjectionId id, size_t raise, uint64_t floor);
  void prune_refused(ProjectionId id, size_t raise);
  // The highest floor that it may have: somebody was told of it, or asked for it and met an error.
  uint64_t highest_floor(ProjectionId id);
  void begin_purge(ProjectionId id, uint32_t table);
  void purged(ProjectionId id);
  void purge_refused(ProjectionId id);
  void begin_drop(ProjectionId id);
  // It is gone, with all batches of commits up to `csn`.
  void dropped(ProjectionId id, uint64_t csn);
  void drop_refused(ProjectionId id, Made made);
  // In states before commit `csn` it may have been otherwise: of them nothing is judged.
  void changed(ProjectionId id, uint64_t csn) { projections_[id].changed_csn = csn; }
  // Where a pin is: each of a projection has one owner.
  void begin_pin(ProjectionId id, const std::string& pin, std::optional<uint64_t> position);
  void pin_refused(ProjectionId id, const std::string& pin);
  void pin_is(ProjectionId id, const std::string& pin, std::optional<uint64_t> position);
  // Whether the pin may be shown like that to its owner; from now on it is so.
  Verdict judge_pin(ProjectionId id, const std::string& pin, std::optional<uint64_t> position);

  // --- what is durable. A checkpoint that is asked for after mark() holds at least what was applied then.
  struct Mark {
    uint64_t moment = 0;
    struct Known {
      uint64_t incarnation = 0;
      uint64_t position = 0;
    };
    std::vector<Known> known;
  };
  Mark mark();
  // What those that follow the stream have, as somebody knows: whoever takes events away from it waits until a
  // checkpoint has that.
  std::vector<ProjectionNeed> needs_of(StreamId stream) const;
  void durable(const Mark& mark);

  // --- judgements
  // Of what somebody was shown, who asked at a moment, when `least` was applied.
  struct Window {
    uint64_t asked = 0;
    uint64_t shown = 0;
    uint64_t least = 0;
  };
  Verdict judge(const ProjectionContents& contents, const Window& window, uint64_t csn) const;
  // After a crash, of all. A state before commit `newest_csn` is one of which a part was given up.
  Verdict judge_all(const std::vector<ProjectionContents>& contents, const std::vector<StreamContents>& streams,
                    const StreamModel& model, uint64_t csn, uint64_t newest_csn) const;
  // Cheap: whether a batch that a commit has just applied is missing.
  Verdict fits(const TxnLog& transaction, const std::vector<ProjectionContents>& contents, uint64_t csn) const;
  // From now on this is so.
  void settle(const std::vector<ProjectionContents>& contents, uint64_t csn);
  // When a purge was is narrowed to when it can have been.
  void narrow_purges(const ProjectionContents& contents, uint64_t csn);

 private:
  struct Batch {
    uint64_t csn = 0;
    uint64_t payload_hash = 0;
    Sha256 chain_hash{};
  };
  struct Projection {
    std::string name;
    std::optional<StreamId> stream;
    Made made = Made::kNo;
    bool is_drop_in_doubt = false;
    std::array<uint32_t, static_cast<size_t>(Work::kCount)> works{};
    uint64_t begun = 0;
    uint64_t incarnation = 0;  // a dropped one comes to be again as another
    // Of positions 1, 2, ...: hashes of the payloads that a reducer was given; nullopt: of a redacted event only.
    std::vector<std::optional<uint64_t>> events;
    std::vector<Batch> batches;
    uint64_t attempted = 0;
    uint64_t known = 0;  // applied, in this life
    // It is at least here in whatever a crash leaves.
    uint64_t durable = 0;
    uint64_t durable_moment = 0;
    uint64_t changed_csn = 0;
    uint64_t first_csn = 0;  // batches of commits up to it were of one that was dropped
    std::deque<Lineage> lineages;
    std::map<std::string, std::vector<std::optional<uint64_t>>> pins;  // what each may be
  };
  void reset(Projection& projection, Made made);
  uint64_t batches_at(const Projection& projection, uint64_t csn) const;
  Lineage::Payloads payloads(const Projection& projection, uint64_t csn) const;
  Lineage::Window after_crash(const Projection& projection, uint64_t csn) const;
  Lineage& shown_now(Projection& projection);
  // `which`: the lineage that it is; nullptr: not asked for.
  Verdict judge_one(const Projection& projection, const ProjectionContents& contents, const Lineage::Window& window,
                    uint64_t csn, size_t* which) const;
  Verdict judge_hash(const Projection& projection, const ProjectionContents& contents,
                     const std::vector<StreamContents>& streams, const StreamModel& model, uint64_t csn) const;

  std::deque<Projection> projections_;
  std::map<std::string, ProjectionId, std::less<>> ids_;
  uint64_t moment_ = 0;
};

}  // namespace holdfast::sim
