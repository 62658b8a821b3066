// Tampered stream: somebody changed the segment files of a stream while nobody had them open: by accident, which no
// checksum survives, or on purpose, with every checksum (and in the end every hash) of the file made right again.
//
// Promise: the database opens, its buckets are what they were, and `check` reports damage. `verify` of the stream has a
// finding, not behind the first record that was changed; all other streams are sound. Its kind, and what reads may give
// apart from `corruption`:
//
//   flipped bit, zeroed, stale or    any kind                                  nothing but what was appended
//   swapped sector
//   payload, last record             changed (unreadable if it is compressed,  the changed payload: a checksum is all
//                                    forked in the last record of a block)     that a read asks for
//   removed                          removed                                   nothing but what was appended
//   swapped neighbours, duplicated   reordered                                 the same
//   foreign record                   foreign (changed at offset 0)             the other stream's payload
//   tail cut                         truncated                                 nothing but what was appended
//   file dropped                     truncated for the last file, else removed the same
//   older file                       any kind                                  the same
//   rewritten suffix                 forked, or changed                        the changed payloads
//
// Of a database that was not closed the log may still hold what was tampered with, and writes it again: then nothing is
// found because nothing is wrong. Damage in a footer, which is a cache, is found by `check` alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "fault/kind.h"

namespace holdfast::fault {

struct TamperedStream {
  static constexpr Kind kKind = Kind::kTamperedStream;
  static constexpr Class kClass = Class::kDetected;
  static constexpr const char* kName = "tampered_stream";
  static constexpr const char* kRules = "R25 R26 R29";

  enum class How : uint8_t {
    kFlippedBit,
    kZeroedSector,
    kStaleSector,
    kSwappedSectors,
    kPayload,
    kLastRecord,
    kRemoved,
    kSwapped,
    kDuplicated,
    kForeign,
    kCutTail,
    kDroppedFile,
    kOlderFile,
    kSuffix,
    kCount,
  };
  static constexpr size_t kHowCount = static_cast<size_t>(How::kCount);
  static std::string_view name_of(How how) {
    constexpr std::string_view kNames[] = {"flipped bit", "zeroed sector", "stale sector", "swapped sectors", "payload",
                                           "last record", "removed",       "swapped",      "duplicated",      "foreign",
                                           "cut tail",    "dropped file",  "older file",   "suffix"};
    static_assert(std::size(kNames) == kHowCount);
    return kNames[static_cast<size_t>(how)];
  }
};

}  // namespace holdfast::fault
