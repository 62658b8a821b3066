#include "cli/row_options.h"

#include "cli/terminal.h"
#include "cli/text.h"
#include "db/prefix.h"

namespace holdfast::cli {

void add_row_options(CLI::App& command, RowOptions& options) {
  CLI::Option* prefix = command.add_option("--prefix", options.prefix, "Only keys that start with this");
  command.add_option("--from", options.from, "Only keys from this one on")->excludes(prefix);
  command.add_option("--to", options.to, "Only keys before this one")->excludes(prefix);
  command.add_flag("--reverse", options.reverse, "Last key first");
  command.add_option("--limit", options.limit, "At most this many rows")
      ->type_name("ROWS")
      ->check(CLI::NonNegativeNumber);
  command.add_flag("--keys", options.keys, "Print no values");
  CLI::Option* text = command.add_flag("--text", options.text, "Escaped text, TAB between key and value (default)");
  CLI::Option* hex =
      command.add_flag("--hex", options.hex, "Hexadecimal, TAB between; --prefix, --from, --to are, too");
  command.add_flag("--json", options.json, "One JSON object per row")->excludes(text)->excludes(hex);
  text->excludes(hex);
}

Result<std::string> bytes_of_argument(const std::string& argument, bool hex) {
  if (hex) return unhex(argument);
  return argument;
}

Result<KeyBounds> bounds_of(const RowOptions& options) {
  KeyBounds bounds;
  if (options.prefix) {
    HOLDFAST_TRY_ASSIGN(bounds.lo, bytes_of_argument(*options.prefix, options.hex));
    bounds.hi = prefix_end(bounds.lo);
    return bounds;
  }
  if (options.from) {
    HOLDFAST_TRY_ASSIGN(bounds.lo, bytes_of_argument(*options.from, options.hex));
  }
  if (options.to) {
    HOLDFAST_TRY_ASSIGN(bounds.hi, bytes_of_argument(*options.to, options.hex));
    if (*bounds.hi < bounds.lo) {
      return fail(ErrorCode::kInvalidArgument, "--to lies before --from; --reverse turns the order round");
    }
  }
  return bounds;
}

void append_row_text(std::string& line, const RowForm& form, std::string_view key, std::string_view value) {
  const auto append = [&](std::string_view bytes) { form.hex ? append_hex(line, bytes) : append_escaped(line, bytes); };
  append(key);
  if (!form.keys) {
    line += '\t';
    append(value);
  }
}

std::string value_text(std::string_view value, ValueForm form) {
  if (form == ValueForm::kRaw) return std::string(value);
  std::string text;
  if (form == ValueForm::kHex) {
    append_hex(text, value);
  } else if (output_is_terminal()) {
    append_escaped(text, value, Lines::kKeep);
  } else {
    text = value;
  }
  return text + "\n";
}

}  // namespace holdfast::cli
