// ReadState: what a Snapshot, and a Transaction, read from: a reader of the pages, the buckets looked up so far, the
// cursors that are open, and the first error that an iteration met.
//
// Threads:    one at a time.
// Invariants: (1) after end() no page is held: every open cursor was told, and stands nowhere;
//             (2) a BucketSlot lives, at the same address, as long as the ReadState.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <holdfast/database.h>
#include <holdfast/result.h>

#include "format/bucket.h"
#include "page/page_reader.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// A bucket as the snapshot holds it, looked up when it is first needed.
struct BucketSlot {
  explicit BucketSlot(std::string_view bucket_name) : name(bucket_name) {}
  std::string name;
  bool resolved = false;
  bool exists = false;
  format::BucketRecord record;
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
  // Looks the bucket up, once. Errors: invalid_argument (the name), io, corruption; the next call tries again.
  Result<void> resolve(BucketSlot& slot);

  // Keeps the first error of an iteration.
  void note(const Error& error);
  Result<void> status() const;

  void attach(CursorCore& cursor);
  void detach(CursorCore& cursor);

 private:
  const DatabaseCore& database_;
  std::optional<PageReader> reader_;
  Csn csn_;
  uint32_t page_bytes_;
  std::map<std::string, BucketSlot, std::less<>> slots_;
  std::optional<Error> first_error_;
  CursorCore* cursors_ = nullptr;  // head of the list of open cursors
};

// The error of everything that is asked of a transaction or snapshot that is over.
std::unexpected<Error> fail_over();

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
