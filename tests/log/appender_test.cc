// Appender: places depend on the tail and the events alone; an appender that is thrown away was never there.
#include "log/appender.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "format/event_leaf.h"
#include "format/stream_segment.h"
#include "log/codec.h"

namespace holdfast::log {
namespace {

constexpr uint64_t kSegmentBytes = 4096;

// A stream that is appended to, checkpointed and thrown back at random; its files are what checkpoints would write.
class Played {
 public:
  void append(uint32_t events, bool keeps, bool seals) {
    Appender appender(identity_, tail_);
    const uint64_t first = appender.next_offset();
    for (uint32_t at = 0; at < events; ++at) {
      const std::string payload = "payload " + std::to_string(first + at) + std::string((first + at) % 50, '.');
      CodecBuffer buffer;
      appender.append(prepare(as_bytes(payload), Codec::kNone, buffer), kSegmentBytes);
    }
    if (seals) {
      appender.seal();
    }
    if (!keeps) {
      return;
    }
    for (auto& [key, value] : appender.take_rows()) {
      rows_[key] = value;
    }
    std::move(appender).keep(tail_);
  }
  // What a checkpoint does.
  void cut() {
    for (const auto& chunk : tail_.chunks) {
      std::string& file = files_[chunk->file];
      RC_ASSERT(chunk->position >= file.size());
      RC_ASSERT(chunk->position == file.size() || chunk->position % format::kStreamUnitBytes == 0);
      file.resize(chunk->position);
      file += as_text(chunk->data.get(), chunk->size);
    }
    tail_.cut = true;
    tail_.chunks.clear();
  }
  const StreamTail& tail() const { return tail_; }
  const std::map<std::string, std::string>& rows() const { return rows_; }
  const std::map<uint32_t, std::string>& files() const { return files_; }

 private:
  StreamIdentity identity_{{}, 1};
  StreamTail tail_;
  std::map<std::string, std::string> rows_;
  std::map<uint32_t, std::string> files_;
};

RC_GTEST_PROP(Appender, hashes_and_rows_are_the_same_whatever_is_thrown_away_or_checkpointed_between, ()) {
  Played plain;
  Played rough;
  for (int step = *rc::gen::inRange(1, 30); step > 0; --step) {
    const auto events = *rc::gen::inRange<uint32_t>(1, 60);
    plain.append(events, true, false);
    if (*rc::gen::arbitrary<bool>()) {
      rough.append(*rc::gen::inRange<uint32_t>(1, 60), false, *rc::gen::arbitrary<bool>());
    }
    if (*rc::gen::inRange(0, 4) == 0) {
      rough.cut();
    }
    rough.append(events, true, *rc::gen::inRange(0, 8) == 0);
  }
  RC_ASSERT(plain.tail().head.chain_hash == rough.tail().head.chain_hash);
  RC_ASSERT(plain.tail().head.peaks == rough.tail().head.peaks);
  for (const auto& [key, value] : plain.rows()) {
    if (key.starts_with('m')) {
      format::NodeRow a;
      format::NodeRow b;
      const auto level = static_cast<uint8_t>(key[9]);
      RC_ASSERT(format::decode(value, level, a));
      RC_ASSERT(rough.rows().contains(key) && format::decode(rough.rows().at(key), level, b));
      RC_ASSERT(a.root == b.root);
      RC_ASSERT(a.prev_hash == b.prev_hash);
    }
  }
}

RC_GTEST_PROP(Appender, every_sealed_file_ends_with_the_footer_that_its_row_speaks_of, ()) {
  Played played;
  for (int step = *rc::gen::inRange(1, 30); step > 0; --step) {
    played.append(*rc::gen::inRange<uint32_t>(1, 300), true, *rc::gen::inRange(0, 8) == 0);
    if (*rc::gen::inRange(0, 3) == 0) {
      played.cut();
    }
  }
  played.cut();
  for (const auto& [key, value] : played.rows()) {
    format::SegmentRow row;
    if (!key.starts_with('s')) {
      continue;
    }
    RC_ASSERT(format::decode(value, row));
    const std::string& file = played.files().at(row.file);
    const auto header = format::decode_stream_header(as_bytes(file).first<format::kStreamHeaderBytes>());
    RC_ASSERT(header.has_value());
    RC_ASSERT(header->first_offset == format::last_number(key));
    if (!row.sealed()) {
      continue;
    }
    const auto footer =
        format::decode_stream_footer(as_bytes(file).subspan(row.records_end), format::stream_checksum_seed({}, 1));
    RC_ASSERT(footer.has_value());
    RC_ASSERT(footer->first_offset == header->first_offset);
    RC_ASSERT(footer->next_offset == row.next_offset);
    uint64_t offset = (footer->first_offset + 255) / 256 * 256;
    for (const uint64_t position : footer->index) {
      format::Record record;
      RC_ASSERT(format::decode_record(as_bytes(file).subspan(position), format::stream_checksum_seed({}, 1), record) ==
                format::RecordProblem::kNone);
      RC_ASSERT(record.offset == offset);
      offset += 256;
    }
  }
}

}  // namespace
}  // namespace holdfast::log
