// OpenTableCursor: what a TableCursor, TableHistory or TableDiff stands on, until its snapshot ends.
//
// Threads:    the ReadState's.
// Invariants: (1) at most one of the three cursors is there, and none before it is needed or after an error;
//             (2) after an error it stands nowhere, for ever, and says why; the ReadState keeps the error too.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <holdfast/projection.h>
#include <holdfast/result.h>

#include "db/projection_slot.h"
#include "db/read_state.h"
#include "projection/table_cursor.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// The table's roots. Errors: io, corruption.
Result<projection::Table> roots_of(ReadState& state, const TableSlot& table);

class OpenTableCursor final : public OpenCursor {
 public:
  OpenTableCursor(ReadState& state, ProjectionSlot& projection, TableSlot& table);
  ~OpenTableCursor() override;
  void state_ended() override;

  // --- rows as of a position
  void set_position(uint64_t position) { position_ = position; }
  using Move = std::function<Result<bool>(projection::TableCursor&)>;
  bool move(const Move& to);
  bool valid() const { return rows_ && rows_->valid(); }
  TableRow row();

  // --- versions of a key, changes between positions. Pre: the positions can be read.
  Result<void> open_history(std::string_view key);
  Result<std::optional<TableVersion>> next_version();
  Result<void> open_diff(uint64_t from, uint64_t to);
  Result<std::optional<TableChange>> next_change();

  Result<void> status() const;

 private:
  bool ready();
  Error fail_with(Error error);
  Result<std::optional<TableChange>> change();

  ReadState* state_;
  ProjectionSlot* projection_;
  TableSlot* table_;
  uint64_t position_ = projection::kNewest;
  std::optional<projection::TableCursor> rows_;
  std::optional<projection::HistoryCursor> history_;
  std::optional<projection::DiffCursor> diff_;
  bool diff_began_ = false;
  std::optional<Error> error_;
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
