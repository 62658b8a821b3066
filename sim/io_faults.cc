#include "sim/io_faults.h"

#include <algorithm>
#include <cerrno>

#include "sim/damage.h"
#include "sim/sim_env.h"

namespace holdfast::sim {

uint64_t IoFaults::next_key(SimEnv& env, const IoEvent& io) {
  const uint64_t place = mix(trace_hash(io.name), static_cast<uint64_t>(io.kind));
  const uint64_t which = mix(env.machine().hooks.fault_scope(), place);
  return mix(which, operations_[which]++);
}

bool IoFaults::happens(SimEnv& env, const IoEvent& io, uint64_t key, fault::Kind kind, Stream stream, uint32_t one_in) {
  const auto choice = mix(key, static_cast<uint64_t>(kind));
  if (one_in == 0 ||
      !env.machine().hooks.fault_happens(kind, env.machine().decisions.chance_at(stream, choice, 1, one_in))) {
    return false;
  }
  count(kind);
  env.machine().trace.event(EventKind::kFault, io.file, static_cast<uint64_t>(kind), io.offset);
  return true;
}

void IoFaults::damage_what_is_read(SimEnv& env, const IoEvent& io, uint64_t key) {
  const std::array<std::pair<fault::Kind, uint32_t>, 4> kinds = {{
      {fault::Kind::kBitRot, plan_.bit_rot.one_in},
      {fault::Kind::kZeroedSector, plan_.zeroed_sector.one_in},
      {fault::Kind::kStaleSector, plan_.stale_sector.one_in},
      {fault::Kind::kLatentSector, plan_.latent_sector.one_in},
  }};
  SimDisk& disk = env.disk();
  for (const auto& [kind, one_in] : kinds) {
    const uint64_t choice = mix(key, static_cast<uint64_t>(kind));
    if (one_in == 0 || !env.machine().decisions.chance_at(Stream::kRot, choice, 1, one_in)) {
      continue;
    }
    const uint64_t random = env.machine().decisions.at(Stream::kRot, ~choice);
    const uint64_t sectors = (io.bytes + kSectorBytes - 1) / kSectorBytes;
    const uint64_t sector = io.offset / kSectorBytes + (random >> 40U) % std::max<uint64_t>(sectors, 1);
    if (damage_sector(disk, io.file, sector, kind, random)) {
      count(kind);
      env.machine().trace.event(EventKind::kDamage, io.file, sector * kSectorBytes, static_cast<uint64_t>(kind));
    }
  }
}

TransferFault IoFaults::on_read(SimEnv& env, const IoEvent& io) {
  TransferFault fault{.offset = io.offset, .bytes = io.bytes};
  if (!active_ || io.bytes == 0) {
    return fault;
  }
  const Decisions& decisions = env.machine().decisions;
  const uint64_t key = next_key(env, io);
  if (happens(env, io, key, fault::Kind::kCacheEviction, Stream::kRot, plan_.cache_eviction.one_in)) {
    env.disk().evict(io.file);
  }
  damage_what_is_read(env, io, key);
  if (happens(env, io, key, fault::Kind::kIoError, Stream::kIoError, plan_.io_error.read_one_in)) {
    return {.offset = io.offset, .bytes = 0, .os_error = EIO};
  }
  const uint64_t size = env.disk().file(io.file).size();
  const uint64_t places = size / io.bytes;
  if (places > 1 &&
      happens(env, io, key, fault::Kind::kMisdirectedRead, Stream::kMisdirect, plan_.misdirected_read.one_in)) {
    fault.offset = scale(decisions.at(Stream::kMisdirect, ~key), places) * io.bytes;
  }
  if (happens(env, io, key, fault::Kind::kShortTransfer, Stream::kShortTransfer, plan_.short_transfer.one_in)) {
    const uint64_t random = decisions.at(Stream::kShortTransfer, ~key);
    const bool interrupted = random % 100 < plan_.short_transfer.interrupted_percent;
    // Nothing read and no error would be the end of the file.
    fault.bytes = scale(random, io.bytes) + (interrupted ? 0 : 1);
    fault.os_error = interrupted ? EINTR : 0;
  }
  return fault;
}

bool IoFaults::is_full(SimEnv& env, const IoEvent& io, uint64_t key) {
  if (full_for_ == 0) {
    if (!happens(env, io, key, fault::Kind::kNoSpace, Stream::kNoSpace, plan_.no_space.one_in)) {
      return false;
    }
    full_for_ = 1 + scale(env.machine().decisions.at(Stream::kNoSpace, ~key), plan_.no_space.duration_max);
  }
  --full_for_;
  return true;
}

namespace {

// A write of `bytes` at `offset`, cut back to where a sector ends.
uint64_t whole_sectors(uint64_t offset, uint64_t bytes) {
  const uint64_t past_sector = (offset + bytes) % kSectorBytes;
  return past_sector < bytes ? bytes - past_sector : 0;
}

}  // namespace

TransferFault IoFaults::on_write(SimEnv& env, const IoEvent& io) {
  TransferFault fault{.offset = io.offset, .bytes = io.bytes};
  if (!active_ || io.bytes == 0) {
    return fault;
  }
  const Decisions& decisions = env.machine().decisions;
  const uint64_t key = write_key_ = next_key(env, io);
  const bool needs_space =
      plan_.no_space.refuses_overwrites || env.disk().file(io.file).needs_space(io.offset, io.bytes);
  if (needs_space && is_full(env, io, key)) {
    // A write in two parts: the first may still find room.
    const uint64_t room = scale(decisions.at(Stream::kNoSpace, mix(key, 1)), io.bytes / kBlockBytes + 1) * kBlockBytes;
    return {.offset = io.offset, .bytes = room < io.bytes ? room : 0, .os_error = ENOSPC};
  }
  if (happens(env, io, key, fault::Kind::kIoError, Stream::kIoError, plan_.io_error.write_one_in)) {
    return {.offset = io.offset, .bytes = scale(decisions.at(Stream::kIoError, ~key), io.bytes + 1), .os_error = EIO};
  }
  if (happens(env, io, key, fault::Kind::kShortTransfer, Stream::kShortTransfer, plan_.short_transfer.one_in)) {
    const uint64_t random = decisions.at(Stream::kShortTransfer, ~key);
    const bool interrupted = random % 100 < plan_.short_transfer.interrupted_percent;
    const uint64_t part = whole_sectors(io.offset, scale(random, io.bytes));
    fault.bytes = part == 0 && !interrupted ? io.bytes : part;
    fault.os_error = interrupted ? EINTR : 0;
  }
  return fault;
}

TransferFault IoFaults::on_allocate(SimEnv& env, const IoEvent& io) {
  const TransferFault fault{.offset = io.offset, .bytes = io.bytes};
  if (!active_ || !env.disk().file(io.file).needs_space(io.offset, io.bytes)) {
    return fault;
  }
  const uint64_t key = next_key(env, io);
  return is_full(env, io, key) ? TransferFault{.offset = io.offset, .bytes = 0, .os_error = ENOSPC} : fault;
}

void IoFaults::write(SimEnv& env, const IoEvent& io, std::span<const std::byte> data) {
  SimDisk& disk = env.disk();
  if (!active_ || (plan_.lost_write.one_in | plan_.misdirected_write.one_in) == 0) {
    disk.write(io.file, io.offset, data);
    return;
  }
  const uint64_t key = write_key_;
  if (happens(env, io, key, fault::Kind::kLostWrite, Stream::kMisdirect, plan_.lost_write.one_in)) {
    lose_write(disk, io.file, io.offset, data);
  } else if (happens(env, io, key, fault::Kind::kMisdirectedWrite, Stream::kMisdirect,
                     plan_.misdirected_write.one_in)) {
    misdirect_write(disk, io.file, io.offset, data, env.machine().decisions.at(Stream::kMisdirect, ~key));
  } else {
    disk.write(io.file, io.offset, data);
  }
}

void IoFaults::sync(SimEnv& env, const IoEvent& io, Sequence until) {
  const Decisions& decisions = env.machine().decisions;
  if (active_) {
    const uint64_t key = next_key(env, io);
    if (happens(env, io, key, fault::Kind::kSyncFails, Stream::kSyncFailure, plan_.sync_fails.one_in)) {
      Decisions survival = decisions.fork(key);
      env.disk().fail_sync(io.file, survival);
      return;
    }
    if (happens(env, io, key, fault::Kind::kLyingFlush, Stream::kSyncFailure, plan_.lying_flush.one_in)) {
      return;
    }
  }
  env.disk().sync(io.file, until, decisions);
}

bool IoFaults::sync_directory(SimEnv& env, const IoEvent& io, uint32_t directory, Sequence until) {
  if (active_) {
    const uint64_t key = next_key(env, io);
    if (happens(env, io, key, fault::Kind::kDirectorySyncFails, Stream::kSyncFailure,
                plan_.directory_sync_fails.one_in)) {
      Decisions survival = env.machine().decisions.fork(key);
      env.disk().fail_sync_directory(directory, survival);
      return false;
    }
  }
  env.disk().sync_directory(directory, until);
  return true;
}

int IoFaults::fail_name_change(SimEnv& env, const IoEvent& io) {
  if (!active_) {
    return 0;
  }
  const uint64_t key = next_key(env, io);
  if (io.kind == IoKind::kOpen && is_full(env, io, key)) {
    return ENOSPC;
  }
  return happens(env, io, key, fault::Kind::kIoError, Stream::kIoError, plan_.io_error.name_change_one_in) ? EIO : 0;
}

}  // namespace holdfast::sim
