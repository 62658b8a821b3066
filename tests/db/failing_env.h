// FailingEnv: another Env whose nth operation on the disk fails, once or from then on.
//
// Counts, in the order in which they are called, the operations that can fail: writes, syncs, truncations, allocations,
// opens, renames, removals, directory syncs; and reads, if asked to. An operation that fails does nothing (a failed
// write may leave half of its bytes behind, if asked to).
// Threads: any.
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <holdfast/env.h>

namespace holdfast {

class FailurePlan {
 public:
  // kWhileFull: from then on, but only where more room would be needed.
  enum class Length : uint8_t { kOnce, kFromThenOn, kWhileFull };
  enum class Count : uint8_t { kWritesOnly, kReadsToo };

  // The nth operation from now (1: the next) fails with `os_error`.
  void fail(uint64_t nth, int os_error, Length length = Length::kOnce) {
    operations_ = 0;
    os_error_ = os_error;
    from_then_on_ = length != Length::kOnce;
    only_growth_ = length == Length::kWhileFull;
    nth_ = nth;
  }
  void stop() { nth_ = kNever; }
  void count(Count what) { reads_too_ = what == Count::kReadsToo; }
  void tear_failed_writes() { tears_ = true; }
  // Only writes to this file are counted, and fail: a disk on which space that was allocated cannot be written to. To
  // be said before anything runs.
  void only_writes_to(std::string_view file) { written_file_ = file; }
  bool tears() const { return tears_; }
  // Since fail() was called last.
  uint64_t operations() const { return operations_; }
  bool fired() const { return operations_ >= nth_; }

  // 0, or the errno that this operation fails with.
  int on_change(bool grows = false) { return written_file_.empty() ? count_and_judge(grows) : 0; }
  int on_write(std::string_view file, bool grows) {
    return written_file_.empty() || file == written_file_ ? count_and_judge(grows) : 0;
  }
  int on_read() { return reads_too_ ? on_change() : 0; }

 private:
  int count_and_judge(bool grows) {
    const uint64_t number = ++operations_;
    if (only_growth_ && !grows) {
      return 0;
    }
    const bool fails = from_then_on_ ? number >= nth_ : number == nth_;
    return fails ? os_error_.load() : 0;
  }

  static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();
  std::atomic<uint64_t> operations_ = 0;
  std::atomic<uint64_t> nth_ = kNever;
  std::atomic<int> os_error_ = 0;
  std::atomic<bool> from_then_on_ = false;
  std::atomic<bool> only_growth_ = false;
  std::atomic<bool> reads_too_ = false;
  std::atomic<bool> tears_ = false;
  std::string written_file_;  // empty: everything counts
};

inline std::unexpected<Error> failed(std::string_view file, int os_error) {
  const bool full = os_error == ENOSPC || os_error == EDQUOT;
  return fail(Error(full ? ErrorCode::kNoSpace : ErrorCode::kIo, "made to fail").at(file).os(os_error));
}

class FailingFile final : public File {
 public:
  FailingFile(std::unique_ptr<File> inner, FailurePlan& plan) : inner_(std::move(inner)), plan_(plan) {}

  Result<void> sync() override {
    const int os_error = plan_.on_change();
    return os_error != 0 ? failed(name(), os_error) : inner_->sync();
  }
  Result<uint64_t> size() override { return inner_->size(); }
  Result<void> truncate(uint64_t bytes) override {
    const int os_error = plan_.on_change(grows(0, bytes));
    return os_error != 0 ? failed(name(), os_error) : inner_->truncate(bytes);
  }
  Result<void> allocate(uint64_t offset, uint64_t bytes) override {
    const int os_error = plan_.on_change(grows(offset, bytes));
    return os_error != 0 ? failed(name(), os_error) : inner_->allocate(offset, bytes);
  }
  const std::string& name() const override { return inner_->name(); }

 protected:
  Transfer read_some(uint64_t offset, std::span<std::byte> buffer) override {
    if (const int os_error = plan_.on_read(); os_error != 0) {
      return {0, os_error};
    }
    const auto read = inner_->read_at(offset, buffer);
    return read ? Transfer{*read, 0} : Transfer{0, EIO};
  }
  Transfer write_some(uint64_t offset, std::span<const std::byte> data) override {
    if (const int os_error = plan_.on_write(name(), grows(offset, data.size())); os_error != 0) {
      if (plan_.tears()) {
        static_cast<void>(inner_->write_at(offset, data.first(data.size() / 2)));
      }
      return {0, os_error};
    }
    const auto written = inner_->write_at(offset, data);
    return written ? Transfer{data.size(), 0} : Transfer{0, EIO};
  }

 private:
  bool grows(uint64_t offset, uint64_t bytes) { return offset + bytes > inner_->size().value_or(0); }

  std::unique_ptr<File> inner_;
  FailurePlan& plan_;
};

class FailingDirectory final : public Directory {
 public:
  FailingDirectory(std::unique_ptr<Directory> inner, FailurePlan& plan) : inner_(std::move(inner)), plan_(plan) {}

  Result<std::unique_ptr<File>> open_file(std::string_view name, OpenMode mode) override {
    const bool is_new = mode == OpenMode::kCreateNew || (mode == OpenMode::kCreate && !holds(name));
    if (const int os_error = plan_.on_change(is_new); os_error != 0) {
      return failed(name, os_error);
    }
    auto file = inner_->open_file(name, mode);
    if (!file) {
      return file;
    }
    return std::make_unique<FailingFile>(std::move(*file), plan_);
  }
  Result<std::vector<std::string>> list() override { return inner_->list(); }
  Result<void> rename(std::string_view from, std::string_view to) override {
    const int os_error = plan_.on_change();
    return os_error != 0 ? failed(from, os_error) : inner_->rename(from, to);
  }
  Result<void> remove(std::string_view name) override {
    const int os_error = plan_.on_change();
    return os_error != 0 ? failed(name, os_error) : inner_->remove(name);
  }
  Result<void> sync() override {
    const int os_error = plan_.on_change();
    return os_error != 0 ? failed("", os_error) : inner_->sync();
  }
  Result<std::unique_ptr<FileLock>> lock(std::string_view name, LockMode mode) override {
    return inner_->lock(name, mode);
  }
  const std::string& path() const override { return inner_->path(); }

 private:
  bool holds(std::string_view name) { return std::ranges::binary_search(inner_->list().value(), name); }

  std::unique_ptr<Directory> inner_;
  FailurePlan& plan_;
};

class FailingEnv final : public Env {
 public:
  explicit FailingEnv(Env& inner) : inner_(inner) {}

  FailurePlan& plan() { return plan_; }

  Result<std::unique_ptr<Directory>> open_directory(std::string_view path, DirectoryMode mode) override {
    auto directory = inner_.open_directory(path, mode);
    if (!directory) {
      return directory;
    }
    return std::make_unique<FailingDirectory>(std::move(*directory), plan_);
  }
  Clock& clock() override { return inner_.clock(); }
  Random& random() override { return inner_.random(); }
  Threads& threads() override { return inner_.threads(); }

 private:
  Env& inner_;
  FailurePlan plan_;
};

}  // namespace holdfast
