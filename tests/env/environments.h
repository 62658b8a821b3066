// The environments that keep the same contract, each with an empty directory to try it in.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <holdfast/env.h>
#include <holdfast/memory_env.h>

namespace holdfast {

// A directory of the operating system that is removed at the end.
class TemporaryPath {
 public:
  TemporaryPath() {
    std::string pattern = (std::filesystem::temp_directory_path() / "holdfast-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryPath() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryPath(const TemporaryPath&) = delete;
  TemporaryPath& operator=(const TemporaryPath&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

enum class Kind : uint8_t { kMemory, kPosix };

inline std::string kind_name(const testing::TestParamInfo<Kind>& info) {
  return info.param == Kind::kMemory ? "memory" : "posix";
}

// Base of the contract tests: `env_` and `directory_`, which is new and empty.
class EnvironmentTest : public testing::TestWithParam<Kind> {
 protected:
  EnvironmentTest() {
    if (GetParam() == Kind::kMemory) {
      memory_ = new_memory_env();
      env_ = memory_.get();
      path_ = "/data/base";
    } else {
      env_ = &posix_env();
      path_ = temporary_.path() + "/base";
    }
    directory_ = env_->open_directory(path_, DirectoryMode::kCreateIfMissing).value();
  }

  std::unique_ptr<File> open(std::string_view name, OpenMode mode) { return directory_->open_file(name, mode).value(); }
  ErrorCode open_error(std::string_view name, OpenMode mode) {
    auto file = directory_->open_file(name, mode);
    return file ? ErrorCode::kUnsupported : file.error().code();
  }
  std::vector<std::string> names() { return directory_->list().value(); }

  TemporaryPath temporary_;
  std::unique_ptr<Env> memory_;
  Env* env_ = nullptr;
  std::string path_;
  std::unique_ptr<Directory> directory_;
};

// All of the file as text.
inline std::string content(File& file) {
  std::string text(file.size().value(), '\0');
  const size_t bytes = file.read_at(0, std::as_writable_bytes(std::span(text))).value();
  text.resize(bytes);
  return text;
}

inline Result<void> write(File& file, uint64_t offset, std::string_view text) {
  return file.write_at(offset, std::as_bytes(std::span(text)));
}

}  // namespace holdfast
