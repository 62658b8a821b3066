// Options: everything that can be chosen when a database is opened. Checked once, by Database::open.
#pragma once

#include <cstdint>
#include <functional>

namespace holdfast {

class Env;

enum class Isolation : uint8_t {
  kSnapshot,      // reads see one snapshot; the first to commit a key wins
  kSerializable,  // also: nothing that the transaction read (ranges included) was changed by a commit since its
                  // snapshot
};

// When a commit answers.
enum class Durability : uint8_t {
  kDurable,   // when it survives a power cut
  kDeferred,  // at once. It is durable a little later, and before any commit after it: a crash loses at most the last
              // ones, and never one without those that came after it. Its csn is the ticket for wait_durable().
};

// Limits. Each is the same constant where data is written and where it is read.
constexpr uint32_t kPageBytesMin = 4096;
constexpr uint32_t kPageBytesMax = 65536;
constexpr uint32_t kPageBytesDefault = 16384;
constexpr uint64_t kCacheBytesMin = 256 * 1024;
// Largest value, in bytes (2 GiB - 1).
constexpr uint64_t kValueBytesMax = (uint64_t{1} << 31) - 1;
constexpr uint32_t kBucketNameBytesMax = 255;
constexpr uint16_t kLanesLimit = 32;
constexpr uint64_t kCheckpointWalBytesMin = uint64_t{64} << 10;
constexpr uint64_t kStreamSegmentBytesMin = 4096;
constexpr uint64_t kStreamSegmentBytesMax = uint64_t{1} << 30;
// How often Database::exec runs its body before it gives the conflict to its caller.
constexpr uint32_t kExecAttemptsMax = 100;
// Largest key of a database with this page size, in bytes: a quarter page, less the room that an entry needs around it.
constexpr uint32_t key_bytes_max(uint32_t page_bytes) { return page_bytes / 4 - 64; }

struct Options {
  // Create the database (its directory, not the parents) if it is not there.
  bool create_if_missing = true;
  // Share the lock with other readers (a writer keeps all of them out), write nothing, refuse every change.
  bool read_only = false;
  // A power of two from 4,096 to 65,536; decided at creation, ignored afterwards. Larger pages read faster and cost
  // more per small commit.
  uint32_t page_bytes = kPageBytesDefault;
  // Memory for pages, at least 256 KiB. Soft: pages in use by a transaction, or changed by it, are kept beyond it.
  uint64_t cache_bytes = uint64_t{64} << 20;
  // Parallel files of the write-ahead log, at most 32; 0 leaves the choice to the engine. May differ from open to open.
  uint16_t lanes = 0;
  // A checkpoint begins when the log holds so much, at least 64 KiB. Commits slow down beyond it, and the log never
  // grows far over twice as much. More of it makes checkpoints rarer, and recovery after a crash longer.
  uint64_t checkpoint_wal_bytes = uint64_t{64} << 20;
  // Files of a stream are about so large, from 4 KiB to 1 GiB: one is sealed, and the next begun, rather than grow
  // beyond. What is removed from a stream is removed by rewriting a file, or dropping it.
  uint64_t stream_segment_bytes = uint64_t{64} << 20;
  // The classic copy-on-write engine: no log, every commit writes its pages and a meta page. Deferred commits are
  // durable too.
  bool checkpoint_every_commit = false;
  // Checkpoints, and the flushing of deferred commits, happen in a thread of their own. Without it, commits do them on
  // the way; deferred ones then stay in memory until a megabyte has gathered (or a quarter of checkpoint_wal_bytes), a
  // durable commit, a wait or close().
  bool background = true;
  // Told now and then how many commits recovery has replayed, of how many.
  std::function<void(uint64_t done, uint64_t total)> recovery_progress = {};
  // Where the database lives; null is the operating system. Must outlive the Database.
  Env* env = nullptr;
};

}  // namespace holdfast
