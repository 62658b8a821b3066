#include "db/stream_feed.h"

#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "db/stream_leaf.h"
#include "log/codec.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

Result<StreamRecord> public_record(const format::Record& record, log::CodecBuffer& buffer) {
  StreamRecord out{.offset = record.offset,
                   .prev_hash = record.prev_hash,
                   .redacted = record.stored_as == format::StoredAs::kRedacted,
                   .payload_bytes = 0,
                   .payload = {}};
  if (!format::payload_bytes(record, out.payload_bytes)) {
    return fail(ErrorCode::kCorruption, "the record's length cannot be");
  }
  if (!out.redacted) {
    HOLDFAST_TRY_ASSIGN(const auto payload, log::payload_of(record, buffer));
    out.payload = as_text(payload);
  }
  return out;
}

StreamFeed::StreamFeed(ReadState& state, const FoundStream& stream, uint64_t from, const Hash& before)
    : database_id_(state.database().streams().database_id()),
      stream_(stream),
      reader_(state.database(), stream.stream_id),
      next_(from),
      hash_(before) {
  if (!done()) {
    reader_.seek(from);
  }
}

Result<StreamRecord> StreamFeed::next() {
  CHECK(!done());
  HOLDFAST_TRY_ASSIGN(const format::Record record, reader_.next());
  const auto damaged = [&](std::string what) {
    return fail(Error(ErrorCode::kCorruption, "record " + std::to_string(next_) + " " + std::move(what))
                    .at(reader_.file(), reader_.position()));
  };
  if (record.prev_hash != hash_) {
    return damaged("does not follow on the one before it");
  }
  const auto leaf = leaf_of(database_id_, stream_.stream_id, record, buffer_);
  if (!leaf) {
    return damaged(leaf.error().message());
  }
  const Hash hash = format::chain_hash(*leaf);
  if (next_ + 1 == stream_.head.next_offset && hash != stream_.head.chain_hash) {
    return damaged("is not the one that the head of the stream speaks of");
  }
  auto out = public_record(record, buffer_);
  if (!out) {
    return damaged(out.error().message());
  }
  hash_ = hash;
  ++next_;
  return out;
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
