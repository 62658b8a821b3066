// An Env around another that writes down what is done to files, and lets one call fail.
#pragma once

#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <holdfast/env.h>

namespace holdfast {

struct Faults {
  std::vector<std::string> events;  // "write 4096+512", "sync", "allocate 0+65536", "truncate 8192"
  uint64_t changes = 0;             // writes, syncs, allocations, truncations so far
  std::optional<uint64_t> fail_at;  // this one of them fails, once
  int os_error = EIO;
  bool reads_fail = false;
  bool truncations_fail = false;
  std::function<void()> before_next_read;

  bool fails(std::string event) {
    events.push_back(std::move(event));
    return fail_at == changes++;
  }
  Error error(const std::string& file) const {
    return Error(os_error == ENOSPC ? ErrorCode::kNoSpace : ErrorCode::kIo, "injected").at(file).os(os_error);
  }
};

class FaultyFile final : public File {
 public:
  FaultyFile(std::unique_ptr<File> inner, Faults& faults) : inner_(std::move(inner)), faults_(faults) {}
  Result<void> sync() override {
    if (faults_.fails("sync")) {
      return fail(faults_.error(name()));
    }
    return inner_->sync();
  }
  Result<uint64_t> size() override { return inner_->size(); }
  Result<void> truncate(uint64_t bytes) override {
    if (faults_.fails("truncate " + std::to_string(bytes)) || faults_.truncations_fail) {
      return fail(faults_.error(name()));
    }
    return inner_->truncate(bytes);
  }
  Result<void> allocate(uint64_t offset, uint64_t bytes) override {
    if (faults_.fails("allocate " + std::to_string(offset) + "+" + std::to_string(bytes))) {
      return fail(faults_.error(name()));
    }
    return inner_->allocate(offset, bytes);
  }
  const std::string& name() const override { return inner_->name(); }

 protected:
  Transfer read_some(uint64_t offset, std::span<std::byte> buffer) override {
    if (const auto once = std::exchange(faults_.before_next_read, nullptr)) {
      once();
    }
    if (faults_.reads_fail) {
      return {0, EIO};
    }
    const auto bytes = inner_->read_at(offset, buffer);
    return bytes ? Transfer{*bytes, 0} : Transfer{0, EIO};
  }
  Transfer write_some(uint64_t offset, std::span<const std::byte> data) override {
    if (faults_.fails("write " + std::to_string(offset) + "+" + std::to_string(data.size()))) {
      return {0, faults_.os_error};
    }
    return inner_->write_at(offset, data) ? Transfer{data.size(), 0} : Transfer{0, EIO};
  }

 private:
  std::unique_ptr<File> inner_;
  Faults& faults_;
};

class FaultyDirectory final : public Directory {
 public:
  FaultyDirectory(std::unique_ptr<Directory> inner, Faults& faults) : inner_(std::move(inner)), faults_(faults) {}
  Result<std::unique_ptr<File>> open_file(std::string_view name, OpenMode mode) override {
    HOLDFAST_TRY_ASSIGN(std::unique_ptr<File> file, inner_->open_file(name, mode));
    return std::unique_ptr<File>(new FaultyFile(std::move(file), faults_));
  }
  Result<std::vector<std::string>> list() override { return inner_->list(); }
  Result<void> rename(std::string_view from, std::string_view to) override { return inner_->rename(from, to); }
  Result<void> remove(std::string_view name) override { return inner_->remove(name); }
  Result<void> sync() override { return inner_->sync(); }
  Result<std::unique_ptr<FileLock>> lock(std::string_view name, LockMode mode) override {
    return inner_->lock(name, mode);
  }
  const std::string& path() const override { return inner_->path(); }

 private:
  std::unique_ptr<Directory> inner_;
  Faults& faults_;
};

}  // namespace holdfast
