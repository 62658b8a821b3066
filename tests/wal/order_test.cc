// What must be durable before a frame is written: the header of the segment behind it, and the names of both files.
#include <set>

#include "tests/wal/fixture.h"

namespace holdfast::wal {
namespace {

// What has been done to the files and not been synced yet, and what was pending when a frame was written all the same.
struct Pending {
  std::set<std::string> headers;
  std::set<std::string> names;
  uint64_t frame_writes = 0;
  uint64_t header_writes = 0;

  void before_frame(const std::string& file) {
    ++frame_writes;
    EXPECT_TRUE(headers.empty()) << "a frame in " << file << " while the header of " << *headers.begin()
                                 << " is not durable";
    EXPECT_TRUE(names.empty()) << "a frame in " << file << " while the name " << *names.begin() << " is not durable";
  }
};

class WatchedFile final : public File {
 public:
  WatchedFile(std::unique_ptr<File> inner, Pending& pending) : inner_(std::move(inner)), pending_(pending) {}
  Result<void> sync() override {
    HOLDFAST_TRY(inner_->sync());
    pending_.headers.erase(name());
    return {};
  }
  Result<uint64_t> size() override { return inner_->size(); }
  Result<void> truncate(uint64_t bytes) override { return inner_->truncate(bytes); }
  Result<void> allocate(uint64_t offset, uint64_t bytes) override { return inner_->allocate(offset, bytes); }
  const std::string& name() const override { return inner_->name(); }

 protected:
  Transfer read_some(uint64_t offset, std::span<std::byte> buffer) override {
    const auto bytes = inner_->read_at(offset, buffer);
    return bytes ? Transfer{*bytes, 0} : Transfer{0, bytes.error().os_error()};
  }
  Transfer write_some(uint64_t offset, std::span<const std::byte> data) override {
    if (offset >= format::kFrameUnitBytes) {
      pending_.before_frame(name());
    } else if (data.size() == format::kSectorBytes) {
      ++pending_.header_writes;
      pending_.headers.insert(name());
    }
    const auto written = inner_->write_at(offset, data);
    return written ? Transfer{data.size(), 0} : Transfer{0, written.error().os_error()};
  }

 private:
  std::unique_ptr<File> inner_;
  Pending& pending_;
};

class WatchedDirectory final : public Directory {
 public:
  WatchedDirectory(Directory& inner, Pending& pending) : inner_(inner), pending_(pending) {}
  Result<std::unique_ptr<File>> open_file(std::string_view name, OpenMode mode) override {
    if (mode == OpenMode::kCreate && !inner_.open_file(name, OpenMode::kReadOnly)) {
      pending_.names.emplace(name);
    }
    HOLDFAST_TRY_ASSIGN(std::unique_ptr<File> file, inner_.open_file(name, mode));
    return std::unique_ptr<File>(new WatchedFile(std::move(file), pending_));
  }
  Result<std::vector<std::string>> list() override { return inner_.list(); }
  Result<void> rename(std::string_view from, std::string_view to) override { return inner_.rename(from, to); }
  Result<void> remove(std::string_view name) override { return inner_.remove(name); }
  Result<void> sync() override {
    HOLDFAST_TRY(inner_.sync());
    pending_.names.clear();
    return {};
  }
  Result<std::unique_ptr<FileLock>> lock(std::string_view name, LockMode mode) override {
    return inner_.lock(name, mode);
  }
  const std::string& path() const override { return inner_.path(); }

 private:
  Directory& inner_;
  Pending& pending_;
};

using LaneOrder = LaneTest;

TEST_P(LaneOrder, the_spare_and_every_name_are_durable_before_a_frame_is_written) {
  Pending pending;
  WatchedDirectory watched(*directory_, pending);
  const auto lane = prepare(watched, clock_, identity());
  EXPECT_TRUE(pending.headers.empty()) << "prepare() leaves only the names to its caller";
  ASSERT_TRUE(watched.sync());
  for (uint64_t csn = 1; csn <= 20; ++csn) {
    commit(*lane, csn, 30'000);
  }
  EXPECT_GE(pending.frame_writes, 20U);
  EXPECT_GE(pending.header_writes, 9U) << "the commits went through many segments";
}

// Positions and checksums cannot tell a frame of the right place that comes too early: its number can.
TEST_P(LaneOrder, a_frame_that_is_not_the_next_one_is_damage) {
  const auto lane = new_lane();
  commit(*lane, 1, 100);
  commit(*lane, 2, 100);
  const std::string name = file_of(1);
  std::vector<std::byte> bytes = file_bytes(*directory_, name);
  const auto header = format::decode_segment_header(std::span(bytes).first<format::kSectorBytes>());
  ASSERT_TRUE(header);
  const uint32_t seed = format::frame_seed_of(*header);
  constexpr uint64_t kSecond = uint64_t{2} * format::kFrameUnitBytes;
  format::FrameHeader frame;
  ASSERT_EQ(
      format::decode_frame_header(std::span(bytes).subspan(kSecond).first<format::kFrameHeaderBytes>(), seed, 2, frame),
      nullptr);
  ++frame.frame_number;
  const auto place = std::span(bytes).subspan(kSecond, format::frame_bytes(frame.body_bytes));
  format::seal_frame(place, frame, seed);
  overwrite(*directory_, name, kSecond, place);
  const LaneContents contents = scan();
  EXPECT_EQ(csns_of(contents), csns(1, 1));
  EXPECT_EQ(contents.end.kind, LaneEnd::Kind::kDamaged);
  EXPECT_EQ(contents.end.offset, kSecond);
}

INSTANTIATE_TEST_SUITE_P(Environments, LaneOrder, testing::Values(Kind::kMemory, Kind::kPosix), kind_name);

}  // namespace
}  // namespace holdfast::wal
