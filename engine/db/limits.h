// Limits of arguments, checked in one place. Every refusal names the limit and leaves everything as it was.
#pragma once

#include <cstdint>
#include <string_view>

#include <holdfast/options.h>
#include <holdfast/result.h>
#include <holdfast/stream.h>

namespace holdfast {

// Errors of all: invalid_argument.
Result<void> check_key(std::string_view key, uint32_t page_bytes);
Result<void> check_value(std::string_view value);
Result<void> check_bucket_name(std::string_view name);
// Of a bucket that a file speaks of: a user's, or one of the engine's own.
bool is_bucket_name(std::string_view name);
Result<void> check_projection_name(std::string_view name);
Result<void> check_table_name(std::string_view stored);
Result<void> check_pin_name(std::string_view name);
Result<void> check_table_key(std::string_view key, uint32_t page_bytes);
Result<void> check_table_value(std::string_view value);
Result<void> check_stream_name(std::string_view name);
Result<void> check_event(std::string_view event);
Result<void> check_options(const Options& options);

// A bound of a range may be longer than any key. Cutting it one byte behind the longest key changes no comparison with
// a key, and bounds the memory that it takes.
std::string_view clamp_bound(std::string_view bound, uint32_t page_bytes);

}  // namespace holdfast
