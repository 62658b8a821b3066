// Trace: what a simulated run did, as a rolling hash and, on demand, as text.
//
// Two runs of a seed are the same run exactly when they have the same digest; the text shows where they part. The hash
// takes a few nanoseconds per event and is always on.
// Threads: one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::sim {

// What the arguments a, b, c mean is in the table in trace.cc.
enum class EventKind : uint8_t {
  // the disk: a is the file, and the data hash covers the bytes moved
  kRead,
  kWrite,
  kSync,
  kSize,
  kTruncate,
  kAllocate,
  kOpen,
  kClose,
  kRename,
  kRemove,
  kList,
  kSyncDirectory,
  kLock,
  kUnlock,
  kOpenDirectory,
  kFault,
  kPowerCut,
  kProcessKill,
  kEvict,
  kDamage,
  // the scheduler
  kSpawn,
  kExit,
  kSwitch,
  kBlock,
  kWake,
  kSleep,
  // the workload and the oracle
  kOperation,
  kResult,
  kProbe,
  kRecovered,
  kNote,
  kCount,
};

// A hash of bytes for the trace: fast, stable between machines.
uint64_t trace_hash(std::span<const std::byte> bytes);
uint64_t trace_hash(std::string_view text);

// Is told of every event of a trace, for whoever wants more than text.
class TraceObserver {
 public:
  virtual ~TraceObserver() = default;
  virtual void event(uint64_t number, uint32_t fiber, EventKind kind, const std::array<uint64_t, 3>& arguments) = 0;
  virtual void note(uint64_t number, std::string_view text) = 0;
  virtual void file_named(uint64_t id, std::string_view name) = 0;
};

// "write", "sync", ...
std::string_view name_of(EventKind kind);

class Trace {
 public:
  Trace() = default;
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  void event(EventKind kind, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0, uint64_t data_hash = 0);
  // A line for people only; it is not part of the digest.
  void note(std::string_view text);

  // Who acts from now on; part of every event.
  void set_fiber(uint32_t fiber) { fiber_ = fiber; }
  // One line per event from now on; null for none. Not owned.
  void set_output(std::FILE* output) { output_ = output; }
  bool has_output() const { return output_ != nullptr || observer_ != nullptr; }
  // The same for an observer.
  void set_observer(TraceObserver* observer) { observer_ = observer; }
  // The name that text shows for file `id`.
  void name_file(uint64_t id, std::string_view name);

  uint64_t digest() const { return lanes_[0] ^ lanes_[1]; }
  std::array<uint64_t, 2> lanes() const { return lanes_; }
  uint64_t event_count() const { return event_count_; }

 private:
  void print(EventKind kind, const std::array<uint64_t, 3>& arguments, uint64_t data_hash) const;

  std::array<uint64_t, 2> lanes_{0x243f6a8885a308d3U, 0x13198a2e03707344U};
  uint64_t event_count_ = 0;
  uint32_t fiber_ = 0;
  std::FILE* output_ = nullptr;
  TraceObserver* observer_ = nullptr;
  std::map<uint64_t, std::string> file_names_;
};

}  // namespace holdfast::sim
