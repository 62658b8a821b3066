// Scans a lane whose files someone changed who knows the format: checksums of headers are made right again.
//
// Choices: patches {file, place, length, bytes, what to make right}. Whatever they say, the scan answers in bounded
// time, what it lists can be read or is refused, and a lane can be prepared over the files.
#include <string>
#include <vector>

#include <holdfast/memory_env.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "fuzz/choices.h"
#include "wal/lane.h"
#include "wal/lane_scan.h"
#include "wal/record_reader.h"
#include "wal/recovery_plan.h"

namespace {

using namespace holdfast;
using fuzz::Choices;

constexpr uint32_t kSegmentBytes = format::kSegmentBytesMin;

wal::LaneIdentity identity(uint32_t epoch) {
  wal::LaneIdentity self;
  self.database_id.fill(std::byte{0xDB});
  self.epoch = Epoch{epoch};
  self.lane = 2;
  return self;
}

// Small and large records, some in one flush, over four segments.
void fill(Env& env, Directory& directory) {
  auto lane = wal::Lane::prepare(directory, env.clock(), identity(5), 1, kSegmentBytes).value();
  uint64_t csn = 1;
  for (const size_t bytes : {10U, 2000U, 60000U, 0U, 70000U, 300U}) {
    lane->append(Csn{csn}, 2, as_bytes(std::string(bytes, 'r')));
    lane->append(Csn{csn + 2}, 1, as_bytes("small"));
    CHECK(lane->flush(Csn{csn - 1}).has_value());
    csn += 3;
  }
}

// Makes the checksums of the segment header, or of the frame that is said to be at `offset`, right again.
void make_right(std::span<std::byte> file, uint64_t offset) {
  const auto sector = file.first<format::kSectorBytes>();
  if (offset == 0) {
    const uint32_t seed = crc32c(sector.first(12), crc32c(sector.subspan(16, 16)));
    store_le(sector.data() + offsetof(format::SegmentHeaderOnDisk, checksum), crc32c(sector.subspan(16), seed));
    return;
  }
  const auto segment = format::decode_segment_header(sector);
  if (!segment || offset + format::kFrameUnitBytes > file.size()) {
    return;
  }
  const uint32_t seed = format::frame_seed_of(*segment);
  const auto frame = file.subspan(offset);
  const auto body_bytes = load_le<uint32_t>(frame.data() + offsetof(format::FrameHeaderOnDisk, body_bytes));
  if (body_bytes <= frame.size() - format::kFrameHeaderBytes) {
    store_le(frame.data() + offsetof(format::FrameHeaderOnDisk, body_checksum),
             crc32c(frame.subspan(format::kFrameHeaderBytes, body_bytes), seed));
  }
  store_le(frame.data(), crc32c(frame.subspan(4, format::kFrameHeaderBytes - 4), seed));
}

void patch(Choices& input, Directory& directory) {
  while (!input.empty()) {
    const auto file =
        directory.open_file(wal::slot_file_name(2, static_cast<uint16_t>(input.below(5))), OpenMode::kCreate).value();
    std::vector<std::byte> bytes(kSegmentBytes);
    CHECK(file->read_at(0, bytes).has_value());
    const uint32_t unit = input.below(2) == 0 ? input.below(6) : input.below(kSegmentBytes / format::kFrameUnitBytes);
    const uint64_t offset = uint64_t{unit} * format::kFrameUnitBytes;
    const uint32_t at = input.below(4) == 0 ? input.below(format::kSectorBytes) : input.below(96);
    for (uint32_t count = input.below(16), i = at; i < at + count && i < format::kSectorBytes; ++i) {
      bytes[offset + i] = static_cast<std::byte>(input.byte());
    }
    if (input.below(4) != 0) {
      make_right(bytes, offset);
    }
    CHECK(file->write_at(0, bytes).has_value());
    if (input.below(16) == 15) {
      CHECK(file->truncate(input.below(kSegmentBytes)).has_value());
    }
  }
}

void look_at(Directory& directory, const wal::LaneContents& contents) {
  wal::RecordReader reader(directory, contents);
  Csn last{};
  for (size_t index = 0; index < contents.records.size(); ++index) {
    const wal::FoundRecord& record = contents.records[index];
    CHECK(record.first_csn > last && record.last_csn() >= record.first_csn);
    last = record.last_csn();
    const auto body = reader.read(index);
    CHECK(body ? body->size() == record.body_bytes : body.error().code() == ErrorCode::kCorruption);
  }
  const wal::LaneSummary summary = wal::summary_of(contents);
  const wal::RecoveryPlan plan = wal::plan_recovery(Csn{0}, {&summary, 1});
  CHECK(plan.damage.has_value() ||
        (contents.watermark <= plan.last && contents.end.kind != wal::LaneEnd::Kind::kDamaged));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  Choices input(data, bytes);
  const auto env = new_memory_env();
  const auto directory = env->open_directory("database", DirectoryMode::kCreateIfMissing).value();
  fill(*env, *directory);
  const uint64_t first_sequence = 1 + input.below(3);
  patch(input, *directory);
  const auto contents = wal::scan_lane(*directory, identity(5), first_sequence);
  if (contents) {
    look_at(*directory, *contents);
  } else {
    CHECK(!contents.error().file().empty());
  }
  auto lane = wal::Lane::prepare(*directory, env->clock(), identity(6), 1, kSegmentBytes).value();
  lane->append(Csn{1}, 1, as_bytes("after"));
  CHECK(lane->flush(Csn{0}).has_value());
  CHECK(wal::scan_lane(*directory, identity(6), 1).value().records.size() == 1);
  return 0;
}
