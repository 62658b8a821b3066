// The floor: what the machine can do when nobody asks for more. Reads come from a sorted array in memory; writes are
// bare pwrite and fdatasync, single rows into a file that was written before.
#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "tests/bench/rows.h"

namespace holdfast::bench {
namespace {

constexpr uint64_t kPreparedBytes = uint64_t{64} << 20;

uint64_t head_of(std::string_view key) {
  uint64_t head = 0;
  std::memcpy(&head, key.data(), sizeof head);
  return std::endian::native == std::endian::little ? std::byteswap(head) : head;
}

struct SortedArray {
  std::vector<uint64_t> heads;  // first eight bytes of each key, as a number in key order
  std::string rows;

  std::string_view key(uint64_t index) const { return std::string_view(rows).substr(index * kRowBytes, kKeyBytes); }
  std::string_view value(uint64_t index) const {
    return std::string_view(rows).substr(index * kRowBytes + kKeyBytes, kValueBytes);
  }
  uint64_t lower_bound(std::string_view wanted) const {
    if (wanted.empty()) return 0;
    const uint64_t* at = heads.data();
    for (uint64_t left = heads.size(); left > 1;) {
      const uint64_t half = left / 2;
      at += at[half - 1] < head_of(wanted) ? half : 0;
      left -= half;
    }
    auto index = static_cast<uint64_t>(at - heads.data());
    while (index < heads.size() && key(index) < wanted) ++index;
    return index;
  }
};

class RawReader : public Reader {
 public:
  explicit RawReader(const SortedArray& array) : array_(array) {}
  void refresh() override {}
  std::string_view get(std::string_view key) override {
    const uint64_t index = array_.lower_bound(key);
    bench_check(index < array_.heads.size() && array_.key(index) == key, "raw: key is missing");
    return array_.value(index);
  }
  uint64_t visit(std::string_view from, uint64_t rows) override {
    uint64_t sum = 0;
    const uint64_t start = array_.lower_bound(from);
    const uint64_t end = start + std::min(rows, array_.heads.size() - start);
    for (uint64_t i = start; i < end; ++i) sum += touch(array_.key(i), array_.value(i));
    return sum;
  }

 private:
  const SortedArray& array_;
};

class Raw : public Engine {
 public:
  explicit Raw(const std::string& directory) {
    log_ = open((directory + "/log").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    single_ = open((directory + "/single").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bench_check(log_ >= 0 && single_ >= 0, "raw: open");
  }
  ~Raw() override {
    close(log_);
    close(single_);
  }

  std::unique_ptr<Reader> reader() override { return std::make_unique<RawReader>(array_); }

  void put(std::span<const Row> rows) override {
    if (rows.size() == 1) return put_one(rows[0]);
    append(rows);
    unsorted_.insert(unsorted_.end(), rows.begin(), rows.end());
  }

  void load_sorted(std::span<const Row> rows) override { append(rows); }

  void settle() override {
    std::sort(unsorted_.begin(), unsorted_.end(), [](const Row& a, const Row& b) { return a.key < b.key; });
    for (const Row& row : unsorted_) {
      array_.heads.push_back(head_of(row.key));
      array_.rows.append(row.key).append(row.value);
    }
  }

 private:
  void append(std::span<const Row> rows) {
    std::string bytes;
    bytes.reserve(rows.size() * kRowBytes);
    for (const Row& row : rows) bytes.append(row.key).append(row.value);
    write_durably(log_, bytes, log_bytes_);
    log_bytes_ += bytes.size();
  }

  void put_one(const Row& row) {
    if (single_bytes_ == 0) write_durably(single_, std::string(kPreparedBytes, '\0'), 0);
    single_bytes_ = single_bytes_ % (kPreparedBytes - kRowBytes) + kRowBytes;
    write_durably(single_, std::string(row.key).append(row.value), single_bytes_ - kRowBytes);
  }

  static void write_durably(int file, std::string_view bytes, uint64_t at) {
    while (!bytes.empty()) {
      const ssize_t written = pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at));
      bench_check(written > 0, "raw: pwrite");
      bytes.remove_prefix(static_cast<size_t>(written));
      at += static_cast<uint64_t>(written);
    }
    bench_check(fdatasync(file) == 0, "raw: fdatasync");
  }

  int log_ = -1, single_ = -1;
  uint64_t log_bytes_ = 0, single_bytes_ = 0;
  std::vector<Row> unsorted_;
  SortedArray array_;
};

}  // namespace

std::unique_ptr<Engine> open_raw(const std::string& directory) { return std::make_unique<Raw>(directory); }

}  // namespace holdfast::bench
