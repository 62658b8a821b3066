// What commands that print rows in key order share: which rows, and how a row is printed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include <holdfast/result.h>

namespace holdfast::cli {

// Which form keys and values have.
struct RowForm {
  bool keys = false;
  bool text = false, hex = false, json = false;
};

struct RowOptions : RowForm {
  std::optional<std::string> prefix, from, to;
  std::optional<uint64_t> limit;
  bool reverse = false;
};

// Keys in [lo, hi); without hi to the end.
struct KeyBounds {
  std::string lo;
  std::optional<std::string> hi;
};

// Adds --prefix, --from, --to, --reverse, --limit, --keys, --text, --hex, --json.
void add_row_options(CLI::App& command, RowOptions& options);
// Errors: invalid_argument (not hexadecimal, --to before --from).
Result<KeyBounds> bounds_of(const RowOptions& options);
// The argument itself, or the bytes that it means in hexadecimal. Errors: invalid_argument.
Result<std::string> bytes_of_argument(const std::string& argument, bool hex);
// KEY TAB VALUE, escaped or in hexadecimal; no line feed.
void append_row_text(std::string& line, const RowForm& form, std::string_view key, std::string_view value);

// How `get` prints a value: as it is; in hexadecimal and a line feed; or as it is and a line feed, but on a terminal
// with control characters escaped.
enum class ValueForm : uint8_t { kRaw, kHex, kForPeople };
std::string value_text(std::string_view value, ValueForm form);

}  // namespace holdfast::cli
