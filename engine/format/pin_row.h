// What the engine keeps of a pinned state: key = name of the pin, in the bucket pins_bucket(); value = this.
//
//   offset size field
//        0    8 csn             of the state
//        8    8 wall_ns         when it was pinned, for people and for as_of_time(); never used for order
//       16   16 catalog         PageRef of the catalog's root; null in an empty database
//       32   16 streams         PageRef of the stream tree's root; null without streams
//       48    8 next_bucket_id  never 0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <holdfast/ids.h>

#include "format/page.h"

namespace holdfast::format {

struct PinRowOnDisk {
  Le<uint64_t> csn;
  Le<uint64_t> wall_ns;
  PageRefOnDisk catalog;
  PageRefOnDisk streams;
  Le<uint64_t> next_bucket_id;
};
static_assert(is_on_disk_struct<PinRowOnDisk>);
static_assert(sizeof(PinRowOnDisk) == 56);

struct PinRow {
  Csn csn{};
  uint64_t wall_ns = 0;
  PageRef catalog;
  PageRef streams;
  uint64_t next_bucket_id = 1;
  friend bool operator==(const PinRow&, const PinRow&) = default;
};

// The bucket of the engine's own that holds them (format/projection_rows.h says what such names are).
std::string pins_bucket();

PinRowOnDisk encode(const PinRow& row);
// Total: any number of bytes. False if they are not a pin's row.
bool decode(std::string_view bytes, PinRow& row);

}  // namespace holdfast::format
