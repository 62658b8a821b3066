// Replays inputs where there is no libFuzzer: each file given (and each file in a directory given) goes through the
// fuzz target once. Exit code 0: all ran; 2: a path could not be read.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes);

namespace {

// False if `path` cannot be listed.
bool add_files(const std::string& path, std::vector<std::string>& files) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    files.push_back(path);
    return true;
  }
  for (std::filesystem::recursive_directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->is_regular_file(error)) {
      files.push_back(entry->path().string());
    }
  }
  return !error;
}

bool replay(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return false;
  }
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::vector<uint8_t> bytes(text.begin(), text.end());  // a block of exactly this size
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> files;
  for (int index = 1; index < argc; ++index) {
    if (!add_files(argv[index], files)) {
      std::fprintf(stderr, "cannot list %s\n", argv[index]);
      return 2;
    }
  }
  std::ranges::sort(files);
  for (const std::string& path : files) {
    if (!replay(path)) {
      std::fprintf(stderr, "cannot read %s\n", path.c_str());
      return 2;
    }
  }
  std::printf("replayed %zu inputs\n", files.size());
  return 0;
}
