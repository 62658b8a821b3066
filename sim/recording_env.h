// RecordingEnv: another environment, whose every operation that changes files is written down in an IoTrace.
//
// Of one directory, which may be opened again and again; what it holds when it is opened first counts as durable.
// Reads, the clock, entropy and threads pass through. What a lock leaves in its file counts as written by this process.
//
// Threads: any. Operations on names wait for each other; reads, writes and syncs do not.
// Fails: a write or sync that fails passes its error on, and the trace is lost (IoTrace::lost).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <holdfast/env.h>

#include "sim/io_trace.h"

namespace holdfast::sim {

class RecordingEnv final : public Env {
 public:
  // Both must outlive this.
  RecordingEnv(Env& inner, IoTrace& trace) : inner_(inner), trace_(trace) {}

  Result<std::unique_ptr<Directory>> open_directory(std::string_view path, DirectoryMode mode) override;
  Clock& clock() override { return inner_.clock(); }
  Random& random() override { return inner_.random(); }
  Threads& threads() override { return inner_.threads(); }

 private:
  class RecordingFile;
  class RecordingDirectory;
  class RecordingLock;
  using Names = std::map<std::string, uint32_t, std::less<>>;

  // The number of the file of this name, which was created if it has none. Pre: names_mutex_ is held.
  uint32_t number_of(std::string_view name);
  // What is there already.
  Result<void> begin_with(Directory& directory);

  Env& inner_;
  IoTrace& trace_;
  std::mutex names_mutex_;
  Names names_;  // the trace's number of each file that has a name
  uint32_t files_ = 0;
  bool has_directory_ = false;
};

}  // namespace holdfast::sim
