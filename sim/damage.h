// Damage of class D: what lies over the truth of a simulated disk, who put it there, and how to take it away.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "fault/table.h"
#include "sim/sim_disk.h"

namespace holdfast::sim {

// Puts damage of `kind` (bit rot, zeroed, stale or latent sector) over sector `sector` of the file. False, without any
// effect, if it cannot change what reads see there.
bool damage_sector(SimDisk& disk, uint32_t file, uint64_t sector, fault::Kind kind, uint64_t random);

// Bit rot that a sum of bits does not show: a byte behind the first `skipped` of the sector is rotated. False: there is
// none that this changes.
bool exchange_bits(SimDisk& disk, uint32_t file, uint64_t sector, uint64_t skipped, uint64_t random);
// Puts `bytes` over the file: what reads see there from now on. Pre: whole sectors.
void cover(SimDisk& disk, uint32_t file, uint64_t offset, std::span<const std::byte> bytes, fault::Kind kind);
// A write that is acknowledged and never arrives.
void lose_write(SimDisk& disk, uint32_t file, uint64_t offset, std::span<const std::byte> data);
// A write that lands elsewhere in the file, at a multiple of its own length where there is one.
void misdirect_write(SimDisk& disk, uint32_t file, uint64_t offset, std::span<const std::byte> data, uint64_t random);

// After a power cut of `before` gave `image`: garbage in one sector or more of units that were being written (R3).
// Returns how many units.
uint64_t tear_neighbours(const SimDisk& before, SimDisk& image, uint32_t percent, Decisions& decisions);

// Between two runs somebody removed the file, or put back what it was in `backup`, a copy of the disk taken earlier
// (R29). Both are durable at once. Pre: the name is there (in both).
void take_file_away(SimDisk& disk, uint32_t directory, std::string_view name);
void put_older_file_back(SimDisk& disk, const SimDisk& backup, uint32_t directory, std::string_view name);

struct Damage {
  uint32_t file;
  uint64_t offset;  // of the sector
  fault::Kind kind;
};
std::vector<Damage> list_damage(const SimDisk& disk);
// Whether anything in the range of the file reads otherwise than it was written.
bool is_damaged(const SimDisk& disk, uint32_t file, uint64_t offset, uint64_t bytes);
// Every undamaged byte is back.
void heal(SimDisk& disk);

}  // namespace holdfast::sim
