// Personality: the ways in which real file systems differ after a crash. One is drawn per seed.
#pragma once

#include <cstdint>
#include <string_view>

#include "sim/random.h"

namespace holdfast::sim {

enum class AtomicUnit : uint8_t { kSector, kBlock };                     // R2: 512 or 4,096 bytes
enum class MetadataOrder : uint8_t { kAnySubset, kPrefix };              // R6: POSIX at its least; a journal
enum class NamesAtSync : uint8_t { kStay, kMayPersist };                 // R5: what fsync(file) does to its name
enum class UnwrittenBytes : uint8_t { kZeros, kGarbage };                // R9: what lies under a size without data
enum class CacheAfterFailedSync : uint8_t { kKeepsNew, kRevertsToOld };  // R14

struct Personality {
  std::string_view name = "posix_min";
  AtomicUnit atomic_unit = AtomicUnit::kSector;
  MetadataOrder metadata_order = MetadataOrder::kAnySubset;
  NamesAtSync names_at_sync = NamesAtSync::kStay;
  UnwrittenBytes unwritten_bytes = UnwrittenBytes::kZeros;
  CacheAfterFailedSync cache_after_failed_sync = CacheAfterFailedSync::kKeepsNew;
};

constexpr Personality kPosixMin{};
constexpr Personality kExt4Ordered{
    .name = "ext4_ordered", .metadata_order = MetadataOrder::kPrefix, .names_at_sync = NamesAtSync::kMayPersist};
constexpr Personality kExt4Writeback{.name = "ext4_writeback",
                                     .metadata_order = MetadataOrder::kPrefix,
                                     .names_at_sync = NamesAtSync::kMayPersist,
                                     .unwritten_bytes = UnwrittenBytes::kGarbage};
constexpr Personality kXfs{.name = "xfs",
                           .atomic_unit = AtomicUnit::kBlock,
                           .metadata_order = MetadataOrder::kPrefix,
                           .names_at_sync = NamesAtSync::kMayPersist};
constexpr Personality kBtrfs{.name = "btrfs",
                             .metadata_order = MetadataOrder::kPrefix,
                             .names_at_sync = NamesAtSync::kMayPersist,
                             .cache_after_failed_sync = CacheAfterFailedSync::kRevertsToOld};

// POSIX at its least for half of all seeds, the others for the rest.
Personality draw_personality(Decisions& decisions);

}  // namespace holdfast::sim
