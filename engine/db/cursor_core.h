// CursorCore: moves over the rows of one bucket of a snapshot, under the writes of a transaction if there is one.
//
// With writes it merges three things at every move: the rows of the snapshot (`base_`), the ranges that the transaction
// erased, and its points, which win. It keeps no iterator into the writes that it cannot check (`seen_version_`), so
// writes may come between any two moves.
//
// Owns:       a tree cursor, with the pages it stands on.
// Threads:    those of its ReadState. Ended by it, if the snapshot ends first.
// Invariants: (1) place_ == kBase: base_ stands on the current row; kPoint: point_key_ is the current row's key;
//             (2) facing_ == kForward: base_ stands on the first row of the snapshot that is >= the current key, or has
//                 run off the end; kBackward: on the last row that is <= the current key, or off the start; kNeither:
//                 base_ must be positioned anew.
// Fails:      after an error it stands nowhere, for ever, and says why; the ReadState keeps the error too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <holdfast/database.h>
#include <holdfast/result.h>

#include "db/read_set.h"
#include "db/read_state.h"
#include "db/write_set.h"
#include "tree/cursor.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

class CursorCore final : public OpenCursor {
 public:
  // Over the bucket of a snapshot (a bucket that is not there is an error), or in a transaction (`writes` given).
  CursorCore(ReadState& state, BucketSlot& slot, const BucketWrites* writes, ReadSet* reads);
  CursorCore(const CursorCore&) = delete;
  CursorCore& operator=(const CursorCore&) = delete;
  ~CursorCore() override;

  bool first();
  bool last();
  bool seek(std::string_view key);
  bool seek_before(std::string_view key);
  bool next();
  bool prev();
  bool valid() const { return place_ >= Place::kBase; }
  std::string_view key() const;
  // Reads an overflow value. On an error the cursor stands nowhere afterwards, and the view is empty.
  std::string_view value();
  Result<void> status() const;

  // Rows outside [lo, hi) do not interest whoever moves this cursor: they are not recorded as read.
  void limit_recorded_reads(std::string_view lo, std::optional<std::string_view> hi);
  void state_ended() override;

 private:
  using Point = PointWrites::const_iterator;
  enum class Place : uint8_t { kFresh, kNowhere, kBase, kPoint };
  enum class Facing : uint8_t { kNeither, kForward, kBackward };

  bool ready();
  bool base_is_used() const { return writes_ == nullptr || !writes_->dropped; }
  bool fail_with(Error error);
  // Ends a move that only the base makes.
  bool take(Result<bool> moved);
  // Ends a move of the base inside a merged move. False: an error.
  bool base_moved(Result<bool> moved);
  bool faces(Facing facing);
  bool face_forward();
  bool face_backward();
  bool skip_erased_forward();
  bool skip_erased_backward();
  // Finds the next row, given that the base faces the right way and stands beyond the old row. `point`: the first
  // point beyond the old row.
  bool settle_forward(Point point);
  // The same the other way; `point`: one behind the last point before the old row.
  bool settle_backward(Point point);
  bool stand_on_point(Point point);
  bool stand_on_base(Point first_point_above);
  Point first_point_above() const;
  Point first_point_from() const;
  void remember_start();
  bool record_forward(std::string_view from, bool moved);
  bool record_backward(std::optional<std::string_view> to, bool moved);

  ReadState* state_;
  BucketSlot* slot_;
  const BucketWrites* writes_;
  ReadSet* reads_;

  std::optional<tree::Cursor> base_;
  bool base_on_row_ = false;
  Place place_ = Place::kFresh;
  Facing facing_ = Facing::kNeither;
  std::string_view point_key_;  // kPoint: the current row, in the write set's arena
  std::string_view point_value_;
  Point point_;  // kPoint: the current point; kBase: the first point above the current row
  uint64_t seen_rollbacks_ = 0;
  uint64_t seen_version_ = 0;  // point_ is good while this is the version of the writes
  std::optional<Error> error_;
  std::string target_;  // where a seek goes; what the caller gave may be a view of the current row
  std::string start_;   // serializable: the row that a move started from
  std::string clip_lo_;
  std::optional<std::string> clip_hi_;
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
