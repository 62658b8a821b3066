#include "db/stream_leaf.h"

#include <optional>
#include <string>
#include <utility>

#include "db/stream_reader.h"
#include "log/codec.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

static_assert(sizeof(RecordLeaf) == format::kEventLeafBytes);

Result<format::EventLeaf> leaf_of(const format::DatabaseId& database_id, uint64_t stream_id,
                                  const format::Record& record, log::CodecBuffer& buffer) {
  format::EventLeaf leaf{.database_id = database_id,
                         .stream_id = stream_id,
                         .offset = static_cast<int64_t>(record.offset),
                         .kind = format::kEventKind,
                         .length = 0,
                         .previous = record.prev_hash,
                         .payload_digest = {}};
  if (!format::is_possible(leaf)) {
    return fail(ErrorCode::kCorruption, "no record has such an offset with such a hash of the one before");
  }
  if (!format::payload_bytes(record, leaf.length)) {
    return fail(ErrorCode::kCorruption, "its stored payload cannot be what its codec writes");
  }
  if (record.stored_as == format::StoredAs::kRedacted) {
    leaf.payload_digest = format::redacted_digest(record);
  } else {
    HOLDFAST_TRY_ASSIGN(const auto payload, log::payload_of(record, buffer));
    leaf.payload_digest = sha256(payload);
  }
  return leaf;
}

Result<std::vector<RecordLeaf>> leaves_of(ReadState& state, const FoundStream& stream, uint64_t from, uint64_t to) {
  std::vector<RecordLeaf> leaves;
  leaves.reserve(to - from);
  StreamReader reader(state.database(), stream.stream_id);
  log::CodecBuffer buffer;
  std::optional<format::EventLeaf> before;
  // One that does not have the hash which the record behind it, or the head, holds would prove nothing.
  const auto fits = [&](const Hash& hash) { return !before || format::chain_hash(*before) == hash; };
  const auto misfit = [&] {
    return fail(Error(ErrorCode::kCorruption, "record " + std::to_string(before->offset) +
                                                  " is not the one that was appended; verify() says more")
                    .at(reader.file(), reader.position()));
  };
  if (from < to) {
    reader.seek(from);
  }
  while (leaves.size() < to - from) {
    HOLDFAST_TRY_ASSIGN(const format::Record record, reader.next());
    if (!fits(record.prev_hash)) {
      return misfit();
    }
    auto leaf = leaf_of(state.database().streams().database_id(), stream.stream_id, record, buffer);
    if (!leaf) {
      return fail(std::move(leaf).error().at(reader.file(), reader.position()));
    }
    before = *leaf;
    leaves.push_back(format::encode_event_leaf(*before));
  }
  if (to == stream.head.next_offset) {
    return fits(stream.head.chain_hash) ? Result<std::vector<RecordLeaf>>(std::move(leaves)) : misfit();
  }
  if (before) {
    HOLDFAST_TRY_ASSIGN(const format::Record behind, reader.next());
    if (!fits(behind.prev_hash)) {
      return misfit();
    }
  }
  return leaves;
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
