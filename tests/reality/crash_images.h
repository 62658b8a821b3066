// Crashes of a program that has run on the real file system: its trace is played on the simulated disk, and at every
// moment the images that a power cut may leave are made real files again, for the real engine to open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "sim/exhaust_images.h"
#include "sim/image_hasher.h"
#include "sim/io_trace.h"
#include "tests/reality/directory.h"

namespace holdfast::reality {

inline Files files_of(const sim::SimDisk& disk) {
  Files files;
  if (const auto directory = disk.find_directory(sim::TracePlayer::kPath)) {
    for (const auto& [name, number] : disk.directory(*directory).live()) {
      std::string& text = files[name];
      text.resize(disk.file(number).size());
      disk.file(number).read(0, std::as_writable_bytes(std::span(text)));
    }
  }
  return files;
}

// Makes `path` a directory of just these files. Blocks of zeros become holes.
inline void materialise(const Files& files, const std::string& path) {
  std::filesystem::remove_all(path);
  std::filesystem::create_directory(path);
  for (const auto& [name, text] : files) {
    const std::filesystem::path place = std::filesystem::path(path) / name;
    std::ofstream file(place, std::ios::binary);
    for (size_t at = 0; at < text.size(); at += sim::kBlockBytes) {
      const std::string_view block = std::string_view(text).substr(at, sim::kBlockBytes);
      if (block[0] != '\0' || block.substr(1) != block.substr(0, block.size() - 1)) {
        file.seekp(static_cast<std::streamoff>(at));
        file.write(block.data(), static_cast<std::streamsize>(block.size()));
      }
    }
    file.close();
    std::filesystem::resize_file(place, text.size());
  }
}

struct CrashImage {
  const sim::SimDisk& disk;
  uint64_t hash;                             // of all that reads see
  std::function<std::string()> description;  // for people: when the power was cut, and what it took
};

// What is told while a trace is played.
class CrashWatcher {
 public:
  virtual ~CrashWatcher() = default;
  virtual void mark(uint64_t number) = 0;
  // False: that is enough.
  virtual bool image(const CrashImage& image) = 0;
};

// At each moment at most `bound` images (sim::CutImages). Returns how many moments there were.
inline uint64_t play_crashes(const sim::IoTrace& trace, const std::set<size_t>& left_out, uint64_t bound,
                             CrashWatcher& watcher) {
  using Kind = sim::TracedOperation::Kind;
  sim::TracePlayer player(trace, left_out);
  sim::ImageHasher hasher;
  uint64_t moments = 0;
  while (!player.done()) {
    const sim::TracedOperation& operation = player.step();
    if (operation.kind == Kind::kMark) {
      watcher.mark(operation.mark);
    }
    if (!player.has_begun() || operation.kind == Kind::kOpen || operation.kind == Kind::kClose) {
      continue;
    }
    ++moments;
    const sim::CutImages images(player.disk(), bound);
    for (size_t index = 0; index < images.count(); ++index) {
      const sim::SimDisk image = images.image(index);
      const auto description = [&] {
        return "after operation " + std::to_string(player.played() - 1) + " (" + describe(operation) +
               "): " + images.describe(index, [&](sim::Sequence change) { return player.change_name(change); });
      };
      if (!watcher.image({image, hasher.of(image), description})) {
        return moments;
      }
    }
  }
  return moments;
}

}  // namespace holdfast::reality
