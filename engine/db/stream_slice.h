// StreamSlice: recomputes the chain hashes of a run of records, and says where the first one is that does not fit.
//
// Threads: one at a time, each with a StreamSlice and a PageReader of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <holdfast/result.h>
#include <holdfast/stream.h>

#include "db/stream_head.h"
#include "db/stream_reader.h"
#include "log/codec.h"
#include "page/page_reader.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

class StreamSlice {
 public:
  struct Counts {
    uint64_t records = 0, redacted = 0, payload_bytes = 0;
  };

  StreamSlice(const DatabaseCore& database, PageReader& pages, const FoundStream& stream);

  // Records [from, to). Pre: the tree knows the chain hash before `from` (find_anchor). False: `go_on` said so, which
  // is asked now and then. Errors: io; corruption of the tree. Nothing: all fit.
  Result<bool> check(uint64_t from, uint64_t to, const std::function<bool(uint64_t records)>& go_on);
  const std::optional<VerifyReport::Finding>& finding() const { return finding_; }
  const Counts& counts() const { return counts_; }

  // The nearest offset up to `offset` before which the tree knows the chain hash.
  static uint64_t find_anchor(const FoundStream& stream, uint64_t offset);

 private:
  struct Place {
    std::string file;
    uint64_t position = 0;
  };
  // Of the record that the reader returned last, or failed at.
  Place here() const { return {reader_.file(), reader_.position()}; }
  // The chain hash before an anchor.
  Result<Hash> hash_before(uint64_t anchor);
  Result<void> check_record(uint64_t offset, const format::Record& record);
  // Holds what was computed against the tree, behind the last record of a block and of the stream.
  Result<void> check_block(uint64_t next);
  // Of what stops the reader. Errors: io.
  Result<void> explain(uint64_t offset, const Error& error);
  // Names the record before `offset`, if that is one of another stream.
  Result<std::vector<std::byte>> bytes_at(const Place& place);
  Result<bool> is_followed(const Place& place);
  Result<bool> name_foreign_before(uint64_t offset);
  Result<void> explain_damage(uint64_t offset, const Place& place, const Error& error);
  // The record at `offset` does not hold the hash of the one before: says which of them, or of those before, is wrong.
  Result<void> explain_link(uint64_t offset, const format::Record& record, const Result<Hash>& own_hash);
  // The hashes of the records from `offset` to the end of its block, which those behind them hold, and the tree; fewer
  // if one cannot be read.
  Result<std::vector<Hash>> hashes_from(uint64_t offset);
  // Whether the block, or what there is of the last one, has these hashes. Pre: all that the tree knows of.
  Result<bool> is_block(uint64_t first, std::span<const Hash> hashes);
  // Whether the record there belongs to another stream; its name.
  Result<std::optional<std::string>> owner_of(const Place& place);
  // Whether the record lies somewhere behind the place of another.
  Result<bool> is_behind(uint64_t offset, const Place& place);
  void found(uint64_t offset, Tamper kind, std::string what, Place place);
  Result<Hash> hash_of(const format::Record& record, uint32_t& payload_bytes);

  const DatabaseCore& database_;
  PageReader& pages_;
  const format::PageRef root_;
  const FoundStream& stream_;
  StreamReader reader_;
  std::optional<VerifyReport::Finding> finding_;
  Counts counts_;
  Hash hash_{};               // of the record before the one that is looked at
  Hash last_prev_hash_{};     // of the one before that
  std::vector<Hash> hashes_;  // of all records of this block up to that one, the trimmed ones too
  std::optional<Place> record_before_;
  log::CodecBuffer buffer_;
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
