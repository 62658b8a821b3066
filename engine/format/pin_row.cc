#include "format/pin_row.h"

#include <cstring>

#include "base/check.h"
#include "format/projection_rows.h"

namespace holdfast::format {

std::string pins_bucket() { return {kOwnBucketPrefix, 'i'}; }

PinRowOnDisk encode(const PinRow& row) {
  CHECK(row.next_bucket_id != 0);
  return {to_int(row.csn), row.wall_ns, encode(row.catalog), encode(row.streams), row.next_bucket_id};
}

bool decode(std::string_view bytes, PinRow& row) {
  PinRowOnDisk fields;
  if (bytes.size() != sizeof fields) {
    return false;
  }
  std::memcpy(&fields, bytes.data(), sizeof fields);
  row.csn = Csn{uint64_t{fields.csn}};
  row.wall_ns = fields.wall_ns;
  row.next_bucket_id = fields.next_bucket_id;
  return row.next_bucket_id != 0 && decode(fields.catalog, row.catalog) && decode(fields.streams, row.streams);
}

}  // namespace holdfast::format
