// What the tests of the disk share: files of marked sectors, and many power cuts of one disk.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "sim/sim_disk.h"

namespace holdfast::sim {

// `count` sectors full of one letter.
inline std::string sectors(char letter, uint64_t count = 1) { return std::string(count * kSectorBytes, letter); }

inline void write(SimDisk& disk, uint32_t file, uint64_t sector, const std::string& text) {
  disk.write(file, sector * kSectorBytes, as_bytes(text));
}
inline void sync(SimDisk& disk, uint32_t file) { disk.sync(file, disk.moment(), Decisions(0)); }
inline void sync_directory(SimDisk& disk) { disk.sync_directory(0, disk.moment()); }

// What reads see.
inline std::string content(const SimDisk& disk, uint32_t file) {
  std::string text(disk.file(file).size(), '\0');
  disk.file(file).read(0, std::as_writable_bytes(std::span(text)));
  return text;
}
// One letter per sector: '0' for zeros, '?' for a mixture.
inline std::string letters(const SimDisk& disk, uint32_t file) {
  const std::string text = content(disk, file);
  std::string result;
  for (size_t at = 0; at < text.size(); at += kSectorBytes) {
    const std::string sector = text.substr(at, kSectorBytes);
    const bool mixed = sector.find_first_not_of(sector[0]) != std::string::npos;
    result += mixed ? '?' : sector[0] == '\0' ? '0' : sector[0];
  }
  return result;
}

// A disk with one directory and in it the file "f", both durable; `text` is its durable content.
struct OneFile {
  SimDisk disk;
  uint32_t file;
};
inline OneFile one_file(const std::string& text, const Personality& personality = kPosixMin) {
  OneFile made{SimDisk(personality), 0};
  made.disk.make_directory("db");
  made.file = made.disk.create(0, "f");
  if (!text.empty()) {
    write(made.disk, made.file, 0, text);
  }
  sync(made.disk, made.file);
  sync_directory(made.disk);
  return made;
}

// How often each description of the image occurred in so many power cuts.
inline std::map<std::string, int> cuts(const SimDisk& disk, const std::function<std::string(const SimDisk&)>& describe,
                                       int count = 2000) {
  std::map<std::string, int> seen;
  for (int seed = 0; seed < count; ++seed) {
    Decisions decisions(static_cast<uint64_t>(seed));
    ++seen[describe(disk.power_cut(decisions))];
  }
  return seen;
}
inline std::vector<std::string> outcomes(const SimDisk& disk,
                                         const std::function<std::string(const SimDisk&)>& describe, int count = 2000) {
  std::vector<std::string> names;
  for (const auto& [name, times] : cuts(disk, describe, count)) {
    names.push_back(name);
  }
  return names;
}

}  // namespace holdfast::sim
