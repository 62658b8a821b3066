#include "format/bucket.h"

#include <cstring>

#include "base/check.h"

namespace holdfast::format {

BucketOnDisk encode(const BucketRecord& record) {
  CHECK(record.bucket_id != 0);
  return {record.bucket_id, encode(record.root), uint64_t{0}};
}

bool decode(std::string_view bytes, BucketRecord& record) {
  BucketOnDisk fields;
  if (bytes.size() != sizeof fields) {
    return false;
  }
  std::memcpy(&fields, bytes.data(), sizeof fields);
  record.bucket_id = fields.bucket_id;
  return record.bucket_id != 0 && fields.reserved == 0 && decode(fields.root, record.root);
}

}  // namespace holdfast::format
