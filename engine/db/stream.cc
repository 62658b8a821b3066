// The public Stream and StreamView.
#include <holdfast/stream.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "db/core.h"
#include "db/limits.h"
#include "db/read_state.h"
#include "db/stream_feed.h"
#include "db/stream_head.h"
#include "db/stream_leaf.h"
#include "db/stream_prepare.h"
#include "db/stream_proof.h"
#include "db/stream_reader.h"
#include "db/stream_upkeep.h"
#include "db/stream_verify.h"
#include "log/codec.h"
#include "log/compact_range.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

// Whether the records from `from` on are there.
Result<void> check_from(uint64_t from, const std::optional<FoundStream>& found, const std::string& name) {
  const uint64_t end = found ? found->head.next_offset : 0;
  if (from > end) {
    return fail(ErrorCode::kInvalidArgument, "record " + std::to_string(from) + " is behind the head of stream " +
                                                 name + ", which has " + std::to_string(end) + " records");
  }
  if (found && from < found->first_offset) {
    return fail(ErrorCode::kNotFound, "record " + std::to_string(from) + " of stream " + name +
                                          " was trimmed; the oldest is " + std::to_string(found->first_offset));
  }
  return {};
}

}  // namespace

Result<StreamHead> StreamView::head() const { return find_head(state_->reader(), name_); }

Result<std::vector<StreamRecord>> StreamView::read(uint64_t from, uint64_t max_bytes) const {
  HOLDFAST_TRY_ASSIGN(const auto found, find_stream(state_->reader(), name_));
  const uint64_t end = found ? found->head.next_offset : 0;
  HOLDFAST_TRY(check_from(from, found, name_));
  std::vector<StreamRecord> records;
  if (from == end) {
    return records;
  }
  StreamReader reader(state_->database(), found->stream_id);
  log::CodecBuffer buffer;
  reader.seek(from);
  for (uint64_t bytes = 0; reader.next_offset() < end && (records.empty() || bytes < max_bytes);) {
    HOLDFAST_TRY_ASSIGN(const format::Record record, reader.next());
    auto out = public_record(record, buffer);
    if (!out) {
      return fail(std::move(out).error().at(reader.file(), reader.position()));
    }
    if (!records.empty() && bytes + out->payload.size() > max_bytes) {
      break;
    }
    bytes += out->payload.size();
    records.push_back(std::move(*out));
  }
  return records;
}

Result<TreeHead> StreamView::tree_head() const {
  HOLDFAST_TRY_ASSIGN(const auto found, find_stream(state_->reader(), name_));
  return found ? TreeHead{found->head.next_offset, log::CompactRange(found->head.next_offset, found->head.peaks).root()}
               : TreeHead{0, log::empty_root()};
}

Result<VerifyReport> StreamView::verify(const VerifyOptions& options) const {
  HOLDFAST_TRY_ASSIGN(const auto found, find_stream(state_->reader(), name_));
  return verify_stream(*state_, found.value_or(FoundStream{}), options);
}

Result<std::vector<Hash>> StreamView::prove_inclusion(uint64_t offset, uint64_t tree_size) const {
  HOLDFAST_TRY_ASSIGN(const auto found, find_stream(state_->reader(), name_));
  const uint64_t size = found ? found->head.next_offset : 0;
  if (tree_size > size || offset >= tree_size) {
    return fail(ErrorCode::kInvalidArgument, "there is no record " + std::to_string(offset) + " in a tree of " +
                                                 std::to_string(tree_size) + "; stream " + name_ + " has " +
                                                 std::to_string(size) + " records");
  }
  StreamNodes nodes(*state_, *found);
  return log::prove_inclusion(offset, tree_size, nodes.source());
}

Result<std::vector<Hash>> StreamView::prove_consistency(uint64_t old_size, uint64_t new_size) const {
  HOLDFAST_TRY_ASSIGN(const auto found, find_stream(state_->reader(), name_));
  const uint64_t size = found ? found->head.next_offset : 0;
  if (new_size > size || old_size > new_size) {
    return fail(ErrorCode::kInvalidArgument, "there are no trees of " + std::to_string(old_size) + " and then " +
                                                 std::to_string(new_size) + " records; stream " + name_ + " has " +
                                                 std::to_string(size));
  }
  if (!found) {
    return std::vector<Hash>();
  }
  StreamNodes nodes(*state_, *found);
  return log::prove_consistency(old_size, new_size, nodes.source());
}

Result<TreeHead> StreamView::tree_head_at(uint64_t size) const {
  HOLDFAST_TRY_ASSIGN(const auto found, find_stream(state_->reader(), name_));
  const uint64_t end = found ? found->head.next_offset : 0;
  if (size > end) {
    return fail(ErrorCode::kInvalidArgument,
                "stream " + name_ + " has " + std::to_string(end) + " records, and not " + std::to_string(size));
  }
  if (!found) {
    return TreeHead{0, log::empty_root()};
  }
  HOLDFAST_TRY_ASSIGN(const Hash root, tree_root_of(*state_, *found, size));
  return TreeHead{size, root};
}

Result<Hash> StreamView::subtree(uint8_t level, uint64_t index) const {
  HOLDFAST_TRY_ASSIGN(const auto found, find_stream(state_->reader(), name_));
  const uint64_t end = found ? found->head.next_offset : 0;
  if (level >= 64 || index >= end >> level) {
    return fail(ErrorCode::kInvalidArgument, "subtree " + std::to_string(index) + " of level " + std::to_string(level) +
                                                 " is not complete: stream " + name_ + " has " + std::to_string(end) +
                                                 " records");
  }
  return StreamNodes(*state_, *found).node(level, index);
}

Result<std::vector<RecordLeaf>> StreamView::leaves(uint64_t from, uint64_t count) const {
  HOLDFAST_TRY_ASSIGN(const auto found, find_stream(state_->reader(), name_));
  HOLDFAST_TRY(check_from(from, found, name_));
  if (!found) {
    return std::vector<RecordLeaf>();
  }
  return leaves_of(*state_, *found, from, from + std::min(count, found->head.next_offset - from));
}

namespace {

// Runs `body` on a snapshot of its own.
template <class Body>
auto on_snapshot(const DatabaseCore& core, const Body& body) {
  ReadState state(core, core.store().new_reader());
  return body(state);
}

}  // namespace

Result<Appended> Stream::append(std::string_view event, Codec codec, Durability durability) {
  return append_batch(std::span(&event, 1), std::nullopt, codec, durability);
}

Result<Appended> Stream::append_batch(std::span<const std::string_view> events, std::optional<uint64_t> expected_offset,
                                      Codec codec, Durability durability) {
  HOLDFAST_TRY(check_stream_name(name_));
  if (events.empty()) {
    return fail(ErrorCode::kInvalidArgument, "there are no events to append");
  }
  for (const std::string_view event : events) {
    HOLDFAST_TRY(check_event(event));
  }
  WriteSet writes;
  StreamWrites& stream = writes.stream(name_);
  stream.expected = expected_offset;
  HOLDFAST_TRY(prepare_events(core_->threads(), events, codec, writes, stream));
  PendingCommit pending(writes, nullptr, std::nullopt, durability);
  HOLDFAST_TRY_ASSIGN(const Commit commit, core_->commit(pending));
  return Appended{commit.csn, stream.first_offset, stream.first_offset + events.size()};
}

Result<std::optional<Csn>> Stream::redact(uint64_t offset) { return redact_record(*core_, name_, offset); }

Result<std::optional<Csn>> Stream::seal() { return seal_stream(*core_, name_); }

Result<TrimReport> Stream::trim(uint64_t before) { return trim_stream(*core_, name_, before); }

Result<CompactReport> Stream::compact(const CompactOptions& options) { return compact_stream(*core_, name_, options); }

Result<bool> Stream::wait(uint64_t offset, uint64_t timeout_ns) const {
  return core_->wait_for_record(name_, offset, timeout_ns);
}

Result<StreamHead> Stream::head() const {
  return on_snapshot(*core_, [&](ReadState& state) { return find_head(state.reader(), name_); });
}

Result<std::vector<StreamRecord>> Stream::read(uint64_t from, uint64_t max_bytes) const {
  return on_snapshot(*core_, [&](ReadState& state) { return StreamView(&state, name_).read(from, max_bytes); });
}

Result<TreeHead> Stream::tree_head() const {
  return on_snapshot(*core_, [&](ReadState& state) { return StreamView(&state, name_).tree_head(); });
}

Result<VerifyReport> Stream::verify(const VerifyOptions& options) const {
  return on_snapshot(*core_, [&](ReadState& state) { return StreamView(&state, name_).verify(options); });
}

Result<std::vector<Hash>> Stream::prove_inclusion(uint64_t offset, uint64_t tree_size) const {
  return on_snapshot(*core_,
                     [&](ReadState& state) { return StreamView(&state, name_).prove_inclusion(offset, tree_size); });
}

Result<std::vector<Hash>> Stream::prove_consistency(uint64_t old_size, uint64_t new_size) const {
  return on_snapshot(*core_,
                     [&](ReadState& state) { return StreamView(&state, name_).prove_consistency(old_size, new_size); });
}

Result<TreeHead> Stream::tree_head_at(uint64_t size) const {
  return on_snapshot(*core_, [&](ReadState& state) { return StreamView(&state, name_).tree_head_at(size); });
}

Result<Hash> Stream::subtree(uint8_t level, uint64_t index) const {
  return on_snapshot(*core_, [&](ReadState& state) { return StreamView(&state, name_).subtree(level, index); });
}

Result<std::vector<RecordLeaf>> Stream::leaves(uint64_t from, uint64_t count) const {
  return on_snapshot(*core_, [&](ReadState& state) { return StreamView(&state, name_).leaves(from, count); });
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
