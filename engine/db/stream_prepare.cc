#include "db/stream_prepare.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "log/codec.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

// Starting a thread costs as much as hashing about so many bytes.
constexpr uint64_t kBytesPerThread = uint64_t{256} << 10;

struct Prepared {
  log::PreparedEvent event;
  std::vector<std::byte> stored;  // what the codec made of it
};

// Adds the event to the writes. What is stored as it came stays where it is: the caller's memory outlives the writes.
void add(const log::PreparedEvent& prepared, std::string_view event, WriteSet& writes, StreamWrites& stream) {
  log::PreparedEvent own = prepared;
  if (prepared.stored.data() != as_bytes(event).data()) {
    own.stored = writes.keep(prepared.stored);
  }
  writes.append(stream, own);
}

}  // namespace

Result<void> prepare_events(Threads* threads, std::span<const std::string_view> events, Codec codec, WriteSet& writes,
                            StreamWrites& stream) {
  uint64_t bytes = 0;
  for (const std::string_view event : events) {
    bytes += event.size();
  }
  const uint64_t useful = std::min<uint64_t>(bytes / kBytesPerThread, events.size());
  const uint64_t workers = threads == nullptr ? 1 : std::clamp<uint64_t>(useful, 1, threads->core_count());
  stream.events.reserve(stream.events.size() + events.size());
  if (workers == 1) {
    log::CodecBuffer buffer;
    for (const std::string_view event : events) {
      add(log::prepare(as_bytes(event), codec, buffer), event, writes, stream);
    }
    return {};
  }
  std::vector<Prepared> prepared(events.size());
  const auto work = [&](uint64_t worker) {
    log::CodecBuffer buffer;
    for (uint64_t at = worker; at < events.size(); at += workers) {
      Prepared& one = prepared[at];
      one.event = log::prepare(as_bytes(events[at]), codec, buffer);
      if (one.event.stored_as != format::StoredAs::kPlain) {
        one.stored.assign(one.event.stored.begin(), one.event.stored.end());
        one.event.stored = one.stored;
      }
    }
  };
  std::vector<std::unique_ptr<Thread>> running;
  Result<void> started;
  for (uint64_t worker = 1; worker < workers && started; ++worker) {
    auto thread = threads->start("holdfast-hash", [&work, worker] { work(worker); });
    if (thread) {
      running.push_back(std::move(*thread));
    } else {
      started = fail(std::move(thread).error());
    }
  }
  work(0);
  for (const auto& thread : running) {
    thread->join();
  }
  HOLDFAST_TRY(started);
  for (size_t at = 0; at < events.size(); ++at) {
    add(prepared[at].event, events[at], writes, stream);
  }
  return {};
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
