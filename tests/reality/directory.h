// Real directories for tests: one that goes away again, and what is in it, read past the engine's environment.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::reality {

// By name.
using Files = std::map<std::string, std::string>;

// In memory where the machine has that, because the tests sync thousands of times; or where TEST_TMPDIR says.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes it
    const bool in_memory = std::getenv("TEST_TMPDIR") == nullptr && std::filesystem::is_directory("/dev/shm");
    std::string path = (in_memory ? "/dev/shm" : testing::TempDir()) + "/holdfast-reality-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) {
      ADD_FAILURE() << "no directory " << path;
    }
    path_ = path;
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  std::string path(const std::string& name = {}) const { return name.empty() ? path_ : path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::string text(std::filesystem::file_size(path), '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  return file ? text : "unreadable";
}

inline Files files_of(const std::string& directory) {
  Files files;
  if (std::filesystem::exists(directory)) {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      files[entry.path().filename()] = read_file(entry.path());
    }
  }
  return files;
}

// Empty: they are the same, byte by byte.
inline std::string first_difference(const Files& left, const Files& right) {
  for (const auto& [name, text] : left) {
    const auto other = right.find(name);
    if (other == right.end()) {
      return name + " is only on the left";
    }
    if (text.size() != other->second.size()) {
      return name + " has " + std::to_string(text.size()) + " bytes and " + std::to_string(other->second.size());
    }
    for (size_t at = 0; text != other->second && at < text.size(); ++at) {
      if (text[at] != other->second[at]) {
        return name + " differs at byte " + std::to_string(at);
      }
    }
  }
  for (const auto& [name, text] : right) {
    if (!left.contains(name)) {
      return name + " is only on the right";
    }
  }
  return {};
}

}  // namespace holdfast::reality
