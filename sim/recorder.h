// Recorder: what happened in one run, as data for a picture: every event, and what the last power cut took.
//
// Threads: one at a time. One recorder at a time watches the cuts of the process.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/sim_disk.h"
#include "sim/trace.h"

namespace holdfast::sim {

struct RecordedEvent {
  uint64_t number = 0;
  uint32_t fiber = 0;
  EventKind kind{};
  std::array<uint64_t, 3> arguments{};
};

// What a power cut made of a file.
struct CutFile {
  uint32_t file = 0;
  std::string name;
  uint64_t bytes_before = 0;
  uint64_t bytes_after = 0;
  bool gone = false;           // no name leads to it any more
  std::vector<uint64_t> lost;  // sectors that reads saw otherwise before
};

struct RecordedCut {
  uint64_t number = 0;  // the last event before it
  std::vector<CutFile> files;
};

class Recorder final : public TraceObserver, public CutWatcher {
 public:
  Recorder() { SimDisk::cut_watcher = this; }
  ~Recorder() override { SimDisk::cut_watcher = nullptr; }
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void event(uint64_t number, uint32_t fiber, EventKind kind, const std::array<uint64_t, 3>& arguments) override {
    events_.push_back({number, fiber, kind, arguments});
  }
  void note(uint64_t number, std::string_view text) override { notes_.emplace_back(number, text); }
  void file_named(uint64_t id, std::string_view name) override { file_names_[id] = name; }
  void cut(const SimDisk& before, const SimDisk& after) override;

  const std::vector<RecordedEvent>& events() const { return events_; }
  const std::vector<std::pair<uint64_t, std::string>>& notes() const { return notes_; }
  const std::map<uint64_t, std::string>& file_names() const { return file_names_; }
  // The last one; its number is 0 if there was none.
  const RecordedCut& last_cut() const { return cut_; }

 private:
  std::vector<RecordedEvent> events_;
  std::vector<std::pair<uint64_t, std::string>> notes_;
  std::map<uint64_t, std::string> file_names_;
  RecordedCut cut_;
};

}  // namespace holdfast::sim
