#include "db/limits.h"

#include <bit>
#include <string>

#include <holdfast/projection.h>

#include "format/projection_rows.h"

namespace holdfast {

namespace {

std::unexpected<Error> refuse(std::string_view what, uint64_t is, std::string_view limit_name, uint64_t limit) {
  std::string message(what);
  message += " has " + std::to_string(is) + " bytes; ";
  message += limit_name;
  message += " is " + std::to_string(limit);
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

Result<void> check_name(const std::string& what, std::string_view name, std::string_view limit_name, uint64_t limit) {
  if (name.empty()) [[unlikely]] {
    return fail(ErrorCode::kInvalidArgument, "the " + what + " is empty; it has at least 1 byte");
  }
  if (name.size() > limit) [[unlikely]] {
    return refuse("the " + what, name.size(), limit_name, limit);
  }
  return {};
}

}  // namespace

Result<void> check_key(std::string_view key, uint32_t page_bytes) {
  if (key.empty()) [[unlikely]] {
    return fail(ErrorCode::kInvalidArgument, "the key is empty; a key has at least 1 byte");
  }
  if (key.size() > key_bytes_max(page_bytes)) [[unlikely]] {
    return refuse("the key", key.size(), "key_bytes_max (a quarter page less 64)", key_bytes_max(page_bytes));
  }
  return {};
}

Result<void> check_value(std::string_view value) {
  if (value.size() > kValueBytesMax) [[unlikely]] {
    return refuse("the value", value.size(), "kValueBytesMax", kValueBytesMax);
  }
  return {};
}

Result<void> check_bucket_name(std::string_view name) {
  if (name.empty()) [[unlikely]] {
    return fail(ErrorCode::kInvalidArgument, "the bucket name is empty; a bucket name has at least 1 byte");
  }
  if (name.size() > kBucketNameBytesMax) [[unlikely]] {
    return refuse("the bucket name", name.size(), "kBucketNameBytesMax", kBucketNameBytesMax);
  }
  if (name.front() == format::kOwnBucketPrefix) [[unlikely]] {
    return fail(ErrorCode::kInvalidArgument,
                "the bucket name begins with a zero byte; such names are kept for what the engine stores itself");
  }
  return {};
}

bool is_bucket_name(std::string_view name) { return !name.empty() && name.size() <= kBucketNameBytesMax; }

Result<void> check_projection_name(std::string_view name) {
  return check_name("projection name", name, "kProjectionNameBytesMax", kProjectionNameBytesMax);
}

Result<void> check_pin_name(std::string_view name) {
  return check_name("pin name", name, "kPinNameBytesMax", kPinNameBytesMax);
}

Result<void> check_table_name(std::string_view stored) {
  // Behind the letter that says how it is meant.
  return check_name("table name", stored.substr(1), "kTableNameBytesMax", kTableNameBytesMax);
}

Result<void> check_table_key(std::string_view key, uint32_t page_bytes) {
  if (key.empty()) [[unlikely]] {
    return fail(ErrorCode::kInvalidArgument, "the key is empty; a key has at least 1 byte");
  }
  if (const uint32_t limit = format::table_key_bytes_max(page_bytes); key.size() > limit) [[unlikely]] {
    return refuse("the key", key.size(), "table_key_bytes_max (eight ninths of key_bytes_max, less 8)", limit);
  }
  return {};
}

Result<void> check_table_value(std::string_view value) {
  constexpr uint64_t kLimit = kValueBytesMax - sizeof(uint64_t);
  return value.size() <= kLimit ? Result<void>() : refuse("the value", value.size(), "kValueBytesMax less 8", kLimit);
}

Result<void> check_stream_name(std::string_view name) {
  if (name.empty()) [[unlikely]] {
    return fail(ErrorCode::kInvalidArgument, "the stream name is empty; a stream name has at least 1 byte");
  }
  if (name.size() > kStreamNameBytesMax) [[unlikely]] {
    return refuse("the stream name", name.size(), "kStreamNameBytesMax", kStreamNameBytesMax);
  }
  return {};
}

Result<void> check_event(std::string_view event) {
  if (event.size() > kEventBytesMax) [[unlikely]] {
    return refuse("the event", event.size(), "kEventBytesMax", kEventBytesMax);
  }
  return {};
}

Result<void> check_options(const Options& options) {
  if (options.page_bytes < kPageBytesMin || options.page_bytes > kPageBytesMax ||
      !std::has_single_bit(options.page_bytes)) {
    return fail(ErrorCode::kInvalidArgument, "page_bytes is " + std::to_string(options.page_bytes) +
                                                 "; it must be a power of two from " + std::to_string(kPageBytesMin) +
                                                 " to " + std::to_string(kPageBytesMax));
  }
  if (options.cache_bytes < kCacheBytesMin) {
    return fail(ErrorCode::kInvalidArgument, "cache_bytes is " + std::to_string(options.cache_bytes) +
                                                 "; kCacheBytesMin is " + std::to_string(kCacheBytesMin));
  }
  if (options.lanes > kLanesLimit) {
    return fail(ErrorCode::kInvalidArgument,
                "lanes is " + std::to_string(options.lanes) + "; kLanesLimit is " + std::to_string(kLanesLimit));
  }
  if (options.checkpoint_wal_bytes < kCheckpointWalBytesMin) {
    return fail(ErrorCode::kInvalidArgument, "checkpoint_wal_bytes is " + std::to_string(options.checkpoint_wal_bytes) +
                                                 "; kCheckpointWalBytesMin is " +
                                                 std::to_string(kCheckpointWalBytesMin));
  }
  if (options.stream_segment_bytes < kStreamSegmentBytesMin || options.stream_segment_bytes > kStreamSegmentBytesMax) {
    return fail(ErrorCode::kInvalidArgument, "stream_segment_bytes is " + std::to_string(options.stream_segment_bytes) +
                                                 "; it must be from " + std::to_string(kStreamSegmentBytesMin) +
                                                 " to " + std::to_string(kStreamSegmentBytesMax));
  }
  return {};
}

std::string_view clamp_bound(std::string_view bound, uint32_t page_bytes) {
  return bound.substr(0, size_t{key_bytes_max(page_bytes)} + 1);
}

}  // namespace holdfast
