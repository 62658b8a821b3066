// A lane in each environment, the bytes of its files, and short ways to append, scan and damage.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "tests/env/environments.h"
#include "wal/lane.h"
#include "wal/lane_scan.h"
#include "wal/record_reader.h"
#include "wal/recovery_plan.h"

namespace holdfast::wal {

constexpr uint32_t kSegmentBytes = format::kSegmentBytesMin;

inline LaneIdentity identity(uint16_t lane = 0, uint32_t epoch = 5) {
  LaneIdentity identity;
  identity.database_id.fill(std::byte{0xDB});
  identity.epoch = Epoch{epoch};
  identity.lane = lane;
  return identity;
}

// A clock of which a test says what it shows.
class SetClock final : public Clock {
 public:
  uint64_t monotonic_ns() override { return 0; }
  int64_t wall_ns() override { return wall_ns_; }
  void sleep_ns(uint64_t /*duration_ns*/) override {}
  void set(int64_t wall_ns) { wall_ns_ = wall_ns; }

 private:
  int64_t wall_ns_ = 0;
};

inline std::unique_ptr<Lane> prepare(Directory& directory, Clock& clock, const LaneIdentity& identity,
                                     uint64_t first_sequence = 1) {
  auto lane = Lane::prepare(directory, clock, identity, first_sequence, kSegmentBytes);
  EXPECT_TRUE(lane) << (lane ? "" : lane.error().to_string());
  return std::move(*lane);
}

// Bodies differ from csn to csn and cannot be compressed into each other.
inline std::string redo_of(uint64_t csn, size_t bytes) {
  std::string redo = "redo of " + std::to_string(csn) + ":";
  for (size_t index = redo.size(); index < bytes; ++index) {
    redo.push_back(static_cast<char>((csn * 31 + index * index + index / 251) & 0x7F));
  }
  redo.resize(bytes);
  return redo;
}

inline void append(Lane& lane, uint64_t csn, size_t bytes, uint32_t csn_count = 1) {
  lane.append(Csn{csn}, csn_count, as_bytes(redo_of(csn, bytes)));
}

// One record in a flush of its own, with the highest watermark that it may have.
inline void commit(Lane& lane, uint64_t csn, size_t bytes) {
  append(lane, csn, bytes);
  const auto flushed = lane.flush(Csn{csn - 1});
  ASSERT_TRUE(flushed) << flushed.error().to_string();
}

inline std::vector<std::byte> file_bytes(Directory& directory, const std::string& name) {
  const auto file = directory.open_file(name, OpenMode::kReadOnly).value();
  std::vector<std::byte> bytes(file->size().value());
  EXPECT_EQ(file->read_at(0, bytes).value(), bytes.size());
  return bytes;
}

inline void overwrite(Directory& directory, const std::string& name, uint64_t offset,
                      std::span<const std::byte> bytes) {
  const auto file = directory.open_file(name, OpenMode::kCreate).value();
  ASSERT_TRUE(file->write_at(offset, bytes));
}

inline void flip_bit(Directory& directory, const std::string& name, uint64_t offset) {
  std::vector<std::byte> bytes = file_bytes(directory, name);
  bytes[offset] ^= std::byte{4};
  overwrite(directory, name, offset, std::span(bytes).subspan(offset, 1));
}

inline void zero_from(Directory& directory, const std::string& name, uint64_t offset) {
  overwrite(directory, name, offset, std::vector<std::byte>(kSegmentBytes - offset));
}

inline std::vector<uint64_t> csns_of(const LaneContents& contents) {
  std::vector<uint64_t> csns;
  for (const FoundRecord& record : contents.records) {
    csns.push_back(to_int(record.first_csn));
  }
  return csns;
}

inline std::vector<uint64_t> csns(uint64_t first, uint64_t last) {
  std::vector<uint64_t> all;
  for (uint64_t csn = first; csn <= last; ++csn) {
    all.push_back(csn);
  }
  return all;
}

// Every record is there with the body that redo_of() gave it.
inline void expect_bodies(Directory& directory, const LaneContents& contents) {
  RecordReader reader(directory, contents);
  for (size_t index = 0; index < contents.records.size(); ++index) {
    const FoundRecord& record = contents.records[index];
    const auto body = reader.read(index);
    ASSERT_TRUE(body) << body.error().to_string();
    ASSERT_EQ(as_text(*body), redo_of(to_int(record.first_csn), record.body_bytes));
  }
}

class LaneTest : public EnvironmentTest {
 protected:
  std::unique_ptr<Lane> new_lane(uint64_t first_sequence = 1) {
    return prepare(*directory_, clock_, identity(), first_sequence);
  }
  LaneContents scan(uint64_t first_sequence = 1) {
    auto contents = scan_lane(*directory_, identity(), first_sequence);
    EXPECT_TRUE(contents) << (contents ? "" : contents.error().to_string());
    return contents ? std::move(*contents) : LaneContents{};
  }
  Error scan_error(uint64_t first_sequence = 1) {
    auto contents = scan_lane(*directory_, identity(), first_sequence);
    EXPECT_FALSE(contents);
    return contents ? Error(ErrorCode::kUnsupported, "it was scanned") : std::move(contents).error();
  }
  RecoveryPlan plan(const LaneContents& contents, Csn checkpoint = Csn{0}) {
    const LaneSummary summary = summary_of(contents);
    return plan_recovery(checkpoint, {&summary, 1});
  }
  std::string file_of(uint64_t sequence) {
    for (const SegmentStats& segment : scan().segments) {
      if (segment.sequence == sequence) {
        return segment.file;
      }
    }
    ADD_FAILURE() << "no segment " << sequence;
    return "";
  }

  SetClock clock_;
};

}  // namespace holdfast::wal
