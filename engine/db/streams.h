// Streams: the streams of an open database: where their newest records are, and how they get to their files.
//
// What is known of a stream for good is in the stream tree (format/stream_rows.h), which changes with every commit that
// appends. What is in memory here is what no checkpoint has written yet: the *tail* of each stream, chunks of the bytes
// that its file will get. A checkpoint writes the tails to the files and makes them durable before the meta page that
// speaks of them; the log keeps what made them until then. So nothing in a file is ever looked for after a crash: what
// lies behind the records that the tree knows of is of no state.
//
// Threads:    stage, flush: the leader of a commit, or inside Committer::exclusively(); write(): whoever makes the
//             checkpoint. Reading (tail_at) and waiting: any.
// Invariants: (1) a record that a shown state holds is in a tail, or in a file that is durable;
//             (2) the tail of a stream is as long as the newest published state says;
//             (3) a file of a stream is removed only when a durable state no longer names it.
// Fails:      a file that cannot be written fails the checkpoint; the tails stay.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/env.h>
#include <holdfast/result.h>

#include "env/sync.h"
#include "format/stream_rows.h"
#include "log/appender.h"
#include "log/segment_file.h"
#include "page/page_reader.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// What a checkpoint writes to the files of streams.
struct StreamFlush {
  struct Write {
    log::SegmentName file;
    log::ChunkPart part;
    bool pads = false;  // zeros to the end of the unit follow: the next chunk of the file begins behind it
  };
  std::vector<Write> writes;                 // those of a file follow each other, in the order of their positions
  std::vector<log::SegmentName> superseded;  // files that the state does not name any more
};

class Streams {
 public:
  // A stream that was written to since the database was opened.
  struct Live {
    log::StreamIdentity identity;
    std::string name;
    log::StreamTail tail;
  };

  Streams(Directory& directory, const format::DatabaseId& id, uint64_t segment_bytes)
      : directory_(directory), database_id_(id), segment_bytes_(segment_bytes) {}

  const format::DatabaseId& database_id() const { return database_id_; }
  uint64_t segment_bytes() const { return segment_bytes_; }
  Directory& directory() const { return directory_; }

  // --- the leader
  // The stream as the newest state has it; nullptr: there is none. `root`: of that state. Errors: io, corruption.
  Result<Live*> find(PageReader& reader, const format::PageRef& root, std::string_view name);
  void add(std::unique_ptr<Live> live);
  void keep(Live& live, log::Appender appender);

  // --- checkpoints; one at a time
  // Takes down the tails as they are; what is appended from now on goes into units of its own.
  StreamFlush begin_flush();
  // Adds the parts of an appender that nobody has kept yet.
  static void extend(StreamFlush& flush, const Live& live, const log::Appender& appender);
  // Writes and syncs. Errors: io, no_space.
  Result<void> write(const StreamFlush& flush);
  // Between groups. If a state with what was taken down is durable, it leaves memory, and files that were superseded
  // are removed; else all stays.
  void end_flush(const StreamFlush& flush, bool is_durable);

  // --- any thread
  // These files are not named any more by the newest published state.
  void supersede(const std::vector<log::SegmentName>& files);
  // Held by who rewrites or drops segments.
  sync::Mutex& upkeep_mutex() { return upkeep_mutex_; }
  // The records of the chunk that holds this one; nothing: it is in a file.
  std::optional<log::ChunkCopy> tail_at(uint64_t stream_id, uint64_t offset) const;
  // The first record that is in no file yet; nothing: all are.
  std::optional<uint64_t> tail_begin(uint64_t stream_id) const;
  uint64_t tail_bytes() const;
  // By write(), since the database was opened.
  uint64_t bytes_written() const;
  // Counts the commits that appended something; for wait_for_growth().
  uint64_t growth() const;
  void tell_growth();
  // Until growth() is not `seen` any more, but no longer than that. False: the time is up.
  bool wait_for_growth(uint64_t seen, uint64_t duration_ns) const;

  // Removes files of streams that the newest state does not name; after recovery. Errors: io, corruption.
  Result<void> remove_unnamed(PageReader& reader, const format::PageRef& root);

 private:
  Result<std::unique_ptr<Live>> load(PageReader& reader, const format::PageRef& root, std::string_view name) const;

  Directory& directory_;
  const format::DatabaseId database_id_;
  const uint64_t segment_bytes_;

  // Changed by the leader under the mutex; read by others under it.
  mutable sync::Mutex mutex_;
  std::map<std::string, std::unique_ptr<Live>, std::less<>> by_name_;
  std::map<uint64_t, Live*> by_id_;
  std::vector<log::SegmentName> superseded_;
  uint64_t bytes_written_ = 0;

  sync::Mutex upkeep_mutex_;

  mutable sync::Mutex growth_mutex_;
  mutable sync::CondVar grown_;
  uint64_t growth_ = 0;  // under growth_mutex_
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
