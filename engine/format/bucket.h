// What the catalog tree holds for each bucket: key = bucket name, value = this.
//
//   offset size field
//        0    8 bucket_id   unique in the database for ever; never 0
//        8   16 root        PageRef of the bucket's root; null if it has no rows
//       24    8 reserved    0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "format/page.h"

namespace holdfast::format {

struct BucketOnDisk {
  Le<uint64_t> bucket_id;
  PageRefOnDisk root;
  Le<uint64_t> reserved;
};
static_assert(is_on_disk_struct<BucketOnDisk>);
static_assert(sizeof(BucketOnDisk) == 32);

struct BucketRecord {
  uint64_t bucket_id = 0;
  PageRef root;
  friend bool operator==(const BucketRecord&, const BucketRecord&) = default;
};

BucketOnDisk encode(const BucketRecord& record);
// Total: any number of bytes. False if they are not a bucket record.
bool decode(std::string_view bytes, BucketRecord& record);

}  // namespace holdfast::format
