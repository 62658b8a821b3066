// Random histories on one file, checked against a plain model of what is legal: for every sector and for the size, the
// set of values that may be found after a power cut. No image may ever leave the model.
#include <gtest/gtest.h>

#include <set>

#include "sim/sim_disk.h"
#include "tests/sim/disk_image.h"

namespace holdfast::sim {
namespace {

constexpr uint64_t kFileBytesMax = 20 * kSectorBytes;

class LegalFile {
 public:
  LegalFile() : content_(kFileBytesMax, '\0') {
    for (Sector& sector : sectors_) {
      sector.legal = {std::string(kSectorBytes, '\0')};
    }
  }
  const std::string content() const { return content_.substr(0, size_); }
  uint64_t size() const { return size_; }

  void write(uint64_t offset, const std::string& text) {
    content_.replace(offset, text.size(), text);
    if (offset + text.size() > size_) {
      set_size(offset + text.size());
    }
    needed_size_ = std::max(needed_size_, offset + text.size());
    touch(offset, offset + text.size());
  }
  void truncate(uint64_t bytes) {
    if (bytes == size_) {
      return;
    }
    if (bytes < size_) {
      std::fill(content_.begin() + static_cast<ptrdiff_t>(bytes), content_.end(), '\0');
      needed_size_ = std::min(needed_size_, bytes);
      touch(bytes, kFileBytesMax);
    }
    set_size(bytes);
  }
  void sync() {
    for (size_t index = 0; index < sectors_.size(); ++index) {
      if (sectors_[index].dirty) {
        sectors_[index] = {{content_.substr(index * kSectorBytes, kSectorBytes)}, false};
      }
    }
    if (size_dirty_) {
      sizes_ = {size_};
      size_dirty_ = false;
    }
    // What was written since is there, whatever an earlier failure did to the size.
    std::erase_if(sizes_, [&](uint64_t bytes) { return bytes < needed_size_; });
    sizes_.insert(size_);
  }
  void fail_sync() {
    for (Sector& sector : sectors_) {
      sector.dirty = false;
    }
    size_dirty_ = false;
    needed_size_ = 0;
  }

  // Empty if the image is legal.
  std::string objection(const std::string& image) const {
    if (!sizes_.contains(image.size())) {
      return "size " + std::to_string(image.size());
    }
    for (uint64_t at = 0; at < image.size(); at += kSectorBytes) {
      const std::string found = image.substr(at, kSectorBytes);
      bool legal = false;
      for (const std::string& version : sectors_[at / kSectorBytes].legal) {
        legal = legal || version.compare(0, found.size(), found) == 0;
      }
      if (!legal) {
        return "sector " + std::to_string(at / kSectorBytes) + " holds '" + found[0] + "'";
      }
    }
    return "";
  }
  // How many images there may be, at least: to see that the test is not empty.
  uint64_t choices() const {
    uint64_t count = sizes_.size();
    for (const Sector& sector : sectors_) {
      count += sector.legal.size() - 1;
    }
    return count;
  }

 private:
  struct Sector {
    std::set<std::string> legal;
    bool dirty = false;
  };
  void set_size(uint64_t bytes) {
    size_ = bytes;
    sizes_.insert(bytes);
    size_dirty_ = true;
  }
  void touch(uint64_t from, uint64_t to) {
    for (uint64_t index = from / kSectorBytes; index * kSectorBytes < to; ++index) {
      sectors_[index].legal.insert(content_.substr(index * kSectorBytes, kSectorBytes));
      sectors_[index].dirty = true;
    }
  }

  std::string content_;  // zeros beyond size_
  uint64_t size_ = 0;
  uint64_t needed_size_ = 0;  // end of the writes since the last failed sync
  std::set<uint64_t> sizes_ = {0};
  bool size_dirty_ = false;
  std::array<Sector, kFileBytesMax / kSectorBytes> sectors_;
};

enum class SyncFailures : uint8_t { kNever, kSometimes };

void check_history(uint64_t seed, const Personality& personality, SyncFailures failures) {
  Decisions dice(seed);
  const auto below = [&](uint64_t n) { return dice.below(Stream::kWorkload, n); };
  SimDisk disk(personality);
  disk.make_directory("db");
  const uint32_t file = disk.create(0, "f");
  disk.open(file);
  disk.sync_directory(0, disk.moment());
  LegalFile legal;
  uint64_t choices = 0;
  for (int step = 0; step < 60; ++step) {
    const uint64_t what = below(10);
    if (what < 6) {
      const bool aligned = below(2) == 0;
      uint64_t offset = below(kFileBytesMax - 1);
      uint64_t bytes = 1 + below(kFileBytesMax - offset);
      if (aligned) {
        offset -= offset % kSectorBytes;
        bytes = std::min(kFileBytesMax - offset, (bytes + kSectorBytes - 1) / kSectorBytes * kSectorBytes);
      }
      const std::string text(bytes, static_cast<char>('a' + step % 26));
      disk.write(file, offset, as_bytes(text));
      legal.write(offset, text);
    } else if (what == 6) {
      const uint64_t bytes = below(kFileBytesMax + 1);
      disk.truncate(file, bytes);
      legal.truncate(bytes);
    } else if (what == 7 && failures == SyncFailures::kSometimes) {
      disk.fail_sync(file, dice);
      legal.fail_sync();
      if (personality.cache_after_failed_sync == CacheAfterFailedSync::kRevertsToOld) {
        return;  // from here on the model does not know what reads see
      }
    } else if (what == 8) {
      disk.sync(file, disk.moment(), dice);
      legal.sync();
    }
    ASSERT_EQ(content(disk, file), legal.content()) << "seed " << seed << " step " << step;
    for (int cut = 0; cut < 4; ++cut) {
      const SimDisk image = disk.power_cut(dice);
      ASSERT_EQ(legal.objection(content(image, file)), "") << "seed " << seed << " step " << step;
      ASSERT_TRUE(image.settled());
      const SimDisk again = image.power_cut(dice);
      ASSERT_EQ(again.digest(), image.digest()) << "what was found after a cut is durable";
    }
    choices += legal.choices();
  }
  EXPECT_GT(choices, 60U);
}

TEST(DiskModel, no_image_is_ever_illegal) {
  for (uint64_t seed = 0; seed < 120; ++seed) {
    check_history(seed, kPosixMin, SyncFailures::kNever);
    check_history(seed, kExt4Ordered, SyncFailures::kNever);
    check_history(seed, kXfs, SyncFailures::kNever);
    if (HasFatalFailure()) {
      return;
    }
  }
}

TEST(DiskModel, no_image_is_ever_illegal_after_failed_syncs) {
  for (uint64_t seed = 0; seed < 120; ++seed) {
    check_history(seed, kPosixMin, SyncFailures::kSometimes);
    check_history(seed, kExt4Ordered, SyncFailures::kSometimes);
    check_history(seed, kXfs, SyncFailures::kSometimes);
    check_history(seed, kBtrfs, SyncFailures::kSometimes);
    if (HasFatalFailure()) {
      return;
    }
  }
}

}  // namespace
}  // namespace holdfast::sim
