#include "sim/recording_env.h"

#include <utility>
#include <vector>

namespace holdfast::sim {

using Kind = TracedOperation::Kind;

namespace {

Result<std::string> read_whole(File& file) {
  HOLDFAST_TRY_ASSIGN(const uint64_t bytes, file.size());
  std::string content(bytes, '\0');
  HOLDFAST_TRY_ASSIGN(const size_t read, file.read_at(0, std::as_writable_bytes(std::span(content))));
  content.resize(read);
  return content;
}

}  // namespace

class RecordingEnv::RecordingFile final : public File {
 public:
  RecordingFile(RecordingEnv& env, std::unique_ptr<File> inner, uint32_t number)
      : env_(env), inner_(std::move(inner)), number_(number) {}
  ~RecordingFile() override { add({.kind = Kind::kClose}); }
  RecordingFile(const RecordingFile&) = delete;
  RecordingFile& operator=(const RecordingFile&) = delete;

  Result<void> sync() override {
    const size_t covers = env_.trace_.size();
    return recorded(inner_->sync(), {.kind = Kind::kSync, .covers = covers});
  }
  Result<uint64_t> size() override { return inner_->size(); }
  Result<void> truncate(uint64_t bytes) override {
    return recorded(inner_->truncate(bytes), {.kind = Kind::kTruncate, .bytes = bytes});
  }
  Result<void> allocate(uint64_t offset, uint64_t bytes) override {
    return recorded(inner_->allocate(offset, bytes), {.kind = Kind::kAllocate, .offset = offset, .bytes = bytes});
  }
  const std::string& name() const override { return inner_->name(); }

 protected:
  Transfer read_some(uint64_t offset, std::span<std::byte> buffer) override {
    const auto read = inner_->read_at(offset, buffer);
    return read ? Transfer{.bytes = *read} : Transfer{.os_error = read.error().os_error()};
  }
  Transfer write_some(uint64_t offset, std::span<const std::byte> data) override {
    const auto written = recorded(
        inner_->write_at(offset, data),
        {.kind = Kind::kWrite, .offset = offset, .data = {reinterpret_cast<const char*>(data.data()), data.size()}});
    return written ? Transfer{.bytes = data.size()} : Transfer{.os_error = written.error().os_error()};
  }

 private:
  void add(TracedOperation operation) {
    operation.file = number_;
    operation.name = inner_->name();
    env_.trace_.add(std::move(operation));
  }
  Result<void> recorded(Result<void> answer, TracedOperation operation) {
    if (answer) {
      add(std::move(operation));
    } else {
      env_.trace_.lost(answer.error().to_string());
    }
    return answer;
  }

  RecordingEnv& env_;
  std::unique_ptr<File> inner_;
  uint32_t number_;
};

class RecordingEnv::RecordingLock final : public FileLock {
 public:
  RecordingLock(RecordingEnv& env, std::unique_ptr<FileLock> inner, std::unique_ptr<File> file, uint32_t number)
      : env_(env), inner_(std::move(inner)), file_(std::move(file)), number_(number) {}
  ~RecordingLock() override {
    inner_.reset();
    if (const auto left = file_->size(); left && *left == 0) {
      env_.trace_.add({.kind = Kind::kTruncate, .file = number_, .name = file_->name(), .bytes = 0});
    }
    env_.trace_.add({.kind = Kind::kClose, .file = number_, .name = file_->name()});
  }
  RecordingLock(const RecordingLock&) = delete;
  RecordingLock& operator=(const RecordingLock&) = delete;

 private:
  RecordingEnv& env_;
  std::unique_ptr<FileLock> inner_;
  std::unique_ptr<File> file_;  // to look at
  uint32_t number_;
};

class RecordingEnv::RecordingDirectory final : public Directory {
 public:
  RecordingDirectory(RecordingEnv& env, std::unique_ptr<Directory> inner) : env_(env), inner_(std::move(inner)) {}

  Result<std::unique_ptr<File>> open_file(std::string_view name, OpenMode mode) override {
    const std::scoped_lock lock(env_.names_mutex_);
    HOLDFAST_TRY_ASSIGN(auto file, inner_->open_file(name, mode));
    const uint32_t number = env_.number_of(name);
    env_.trace_.add({.kind = Kind::kOpen, .file = number, .name = std::string(name)});
    return std::make_unique<RecordingFile>(env_, std::move(file), number);
  }
  Result<std::vector<std::string>> list() override { return inner_->list(); }
  Result<void> rename(std::string_view from, std::string_view to) override {
    const std::scoped_lock lock(env_.names_mutex_);
    HOLDFAST_TRY(inner_->rename(from, to));
    const auto moved = env_.names_.extract(env_.names_.find(from));
    env_.names_.insert_or_assign(std::string(to), moved.mapped());
    env_.trace_.add({.kind = Kind::kRename, .name = std::string(from), .to = std::string(to)});
    return {};
  }
  Result<void> remove(std::string_view name) override {
    const std::scoped_lock lock(env_.names_mutex_);
    HOLDFAST_TRY(inner_->remove(name));
    env_.names_.erase(env_.names_.find(name));
    env_.trace_.add({.kind = Kind::kRemove, .name = std::string(name)});
    return {};
  }
  Result<void> sync() override {
    const size_t covers = env_.trace_.size();
    if (auto answer = inner_->sync(); !answer) {
      env_.trace_.lost(answer.error().to_string());
      return answer;
    }
    env_.trace_.add({.kind = Kind::kSyncDirectory, .covers = covers});
    return {};
  }
  Result<std::unique_ptr<FileLock>> lock(std::string_view name, LockMode mode) override {
    const std::scoped_lock lock(env_.names_mutex_);
    HOLDFAST_TRY_ASSIGN(auto held, inner_->lock(name, mode));
    HOLDFAST_TRY_ASSIGN(auto file, inner_->open_file(name, OpenMode::kReadOnly));
    HOLDFAST_TRY_ASSIGN(auto owner, read_whole(*file));
    const uint32_t number = env_.number_of(name);
    const std::string text(name);
    env_.trace_.add({.kind = Kind::kOpen, .file = number, .name = text});
    if (mode == LockMode::kExclusive) {
      env_.trace_.add({.kind = Kind::kTruncate, .file = number, .name = text, .bytes = 0});
      env_.trace_.add({.kind = Kind::kWrite, .file = number, .name = text, .data = std::move(owner)});
    }
    return std::make_unique<RecordingLock>(env_, std::move(held), std::move(file), number);
  }
  const std::string& path() const override { return inner_->path(); }

 private:
  RecordingEnv& env_;
  std::unique_ptr<Directory> inner_;
};

uint32_t RecordingEnv::number_of(std::string_view name) {
  const auto [found, is_new] = names_.try_emplace(std::string(name), files_);
  if (is_new) {
    trace_.add({.kind = Kind::kCreate, .file = files_++, .name = std::string(name)});
  }
  return found->second;
}

Result<void> RecordingEnv::begin_with(Directory& directory) {
  HOLDFAST_TRY_ASSIGN(const auto names, directory.list());
  for (const std::string& name : names) {
    HOLDFAST_TRY_ASSIGN(auto file, directory.open_file(name, OpenMode::kReadOnly));
    HOLDFAST_TRY_ASSIGN(auto content, read_whole(*file));
    const uint32_t number = number_of(name);
    trace_.add({.kind = Kind::kWrite, .file = number, .name = name, .data = std::move(content)});
    trace_.add({.kind = Kind::kSync, .file = number, .name = name, .covers = trace_.size()});
  }
  trace_.add({.kind = Kind::kSyncDirectory, .covers = trace_.size()});
  return {};
}

Result<std::unique_ptr<Directory>> RecordingEnv::open_directory(std::string_view path, DirectoryMode mode) {
  const std::scoped_lock lock(names_mutex_);
  HOLDFAST_TRY_ASSIGN(auto directory, inner_.open_directory(path, mode));
  if (!has_directory_) {
    trace_.add({.kind = Kind::kMakeDirectory, .name = std::string(path)});
    HOLDFAST_TRY(begin_with(*directory));
    trace_.begin();
    has_directory_ = true;
  }
  return std::make_unique<RecordingDirectory>(*this, std::move(directory));
}

}  // namespace holdfast::sim
