// ReadState: what a Snapshot, and a Transaction, read from: a reader of the pages, the buckets looked up so far, the
// cursors that are open, and the first error that an iteration met.
//
// Threads:    one at a time.
// Invariants: (1) after end() no page is held: every open cursor was told, and stands nowhere;
//             (2) a slot lives, at the same address, as long as the ReadState.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <holdfast/database.h>
#include <holdfast/result.h>

#include "format/bucket.h"
#include "format/projection_rows.h"
#include "page/page_reader.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// What reads from a ReadState for longer than one call. It is told when that ends.
class OpenCursor {
 public:
  OpenCursor() = default;
  OpenCursor(const OpenCursor&) = delete;
  OpenCursor& operator=(const OpenCursor&) = delete;
  virtual ~OpenCursor() = default;
  // The snapshot is gone.
  virtual void state_ended() = 0;

 private:
  friend class ReadState;
  OpenCursor* next_open_ = nullptr;
  OpenCursor* previous_open_ = nullptr;
};

// Whose bucket it is: the names of the engine's own begin with a zero byte, and users may not use such names.
enum class BucketOwner : uint8_t { kUser, kEngine };

// A bucket as the snapshot holds it, looked up when it is first needed.
struct BucketSlot {
  BucketSlot(std::string_view bucket_name, BucketOwner bucket_owner) : name(bucket_name), owner(bucket_owner) {}
  std::string name;
  BucketOwner owner;
  bool resolved = false;
  bool exists = false;
  format::BucketRecord record;
};

// A table of a projection. Its two buckets are known once the projection was looked up (db/projection_slot.h).
struct TableSlot {
  explicit TableSlot(std::string_view stored_name) : name(stored_name) {}
  std::string name;  // TableName::stored()
  BucketSlot* current = nullptr;
  BucketSlot* history = nullptr;
};

// A projection as the snapshot holds it, looked up when it is first needed (db/projection_slot.h).
struct ProjectionSlot {
  explicit ProjectionSlot(std::string_view projection_name) : name(projection_name) {}
  std::string name;
  bool resolved = false;
  bool exists = false;
  format::ProjectionRow row;
  format::StateRow state;
  std::map<std::string, TableSlot, std::less<>> tables;  // by TableName::stored()
};

class ReadState {
 public:
  ReadState(const DatabaseCore& database, PageReader reader);
  ReadState(const ReadState&) = delete;
  ReadState& operator=(const ReadState&) = delete;
  ~ReadState();

  // Gives back the snapshot. Every cursor ends.
  void end();
  bool ended() const { return !reader_.has_value(); }

  const DatabaseCore& database() const { return database_; }
  // Pre: !ended().
  PageReader& reader() { return *reader_; }
  Csn csn() const { return csn_; }
  uint32_t page_bytes() const { return page_bytes_; }

  // The slot of a bucket name, which need not keep the limits (resolve() says).
  BucketSlot& slot(std::string_view name);
  BucketSlot& own_slot(const std::string& name);
  ProjectionSlot& projection_slot(std::string_view name);
  // Looks the bucket up, once. Errors: invalid_argument (the name), io, corruption; the next call tries again.
  Result<void> resolve(BucketSlot& slot);

  // Keeps the first error of an iteration.
  void note(const Error& error);
  Result<void> status() const;

  void attach(OpenCursor& cursor);
  void detach(OpenCursor& cursor);

 private:
  const DatabaseCore& database_;
  std::optional<PageReader> reader_;
  Csn csn_;
  uint32_t page_bytes_;
  std::map<std::string, BucketSlot, std::less<>> slots_;
  std::map<std::string, BucketSlot, std::less<>> own_slots_;
  std::map<std::string, ProjectionSlot, std::less<>> projections_;
  std::optional<Error> first_error_;
  OpenCursor* cursors_ = nullptr;  // head of the list of open cursors
};

// The error of everything that is asked of a transaction or snapshot that is over.
std::unexpected<Error> fail_over();

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
