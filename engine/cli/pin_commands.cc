// pin add, pin list, pin drop: states that stay readable. And what --as-of means.
#include <charconv>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace holdfast::cli {
namespace {

constexpr std::string_view kCsnPrefix = "csn:";
constexpr std::string_view kTimePrefix = "time:";
constexpr uint64_t kNsPerSecond = 1'000'000'000;

Result<uint64_t> number_of(std::string_view digits, std::string_view what) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--as-of {}{}: \"{}\" is no number", what, escaped(digits), escaped(digits)));
  }
  return number;
}

// --- add

struct AddArgs {
  std::string path;
  std::string name;
};

Result<ExitCode> print_and_end(const std::string& text) {
  Output output;
  output.write(text);
  HOLDFAST_TRY(output.flush());
  return ExitCode::kDone;
}

Result<ExitCode> run_add(const AddArgs& args) {
  HOLDFAST_TRY_ASSIGN(Database database, open_to_write(args.path));
  HOLDFAST_TRY_ASSIGN(const Pin pin, database.pin(args.name));
  HOLDFAST_TRY(database.close());
  return print_and_end(fmt::format("pinned: the state after commit {}\n", to_int(pin.csn)));
}

void define_add(CLI::App& command, AddArgs& args) {
  command.add_option("NAME", args.name, "Name of the pin")->required();
  command.footer(
      "Keeps the newest state readable until the pin is dropped. What is deleted or replaced from now on keeps its "
      "space.\n\n"
      "Example: holdfast pin add orders.db before-the-migration");
}

// --- list

struct ListArgs {
  std::string path;
  bool json = false;
};

Result<ExitCode> run_list(const ListArgs& args) {
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  HOLDFAST_TRY_ASSIGN(const std::vector<Pin> pins, database.pins());
  std::string text;
  for (const Pin& pin : pins) {
    const uint64_t seconds = pin.wall_ns / kNsPerSecond;
    if (args.json) {
      nlohmann::ordered_json object;
      set_json_bytes(object, "name", pin.name);
      object["csn"] = to_int(pin.csn);
      object["time"] = seconds;
      object["retained_bytes"] = pin.retained_bytes;
      text += object.dump() + "\n";
    } else {
      text += fmt::format("{}\t{}\t{}\t{}\n", escaped(pin.name), to_int(pin.csn), seconds, pin.retained_bytes);
    }
  }
  return print_and_end(text);
}

void define_list(CLI::App& command, ListArgs& args) {
  command.add_flag("--json", args.json, "One JSON object per pin");
  command.footer(
      "Prints one line per pin: name, commit number, time (seconds since 1970), and the bytes that the newest state\n"
      "does not need; several pins may need the same ones.\n\n"
      "Example: holdfast pin list orders.db");
}

// --- drop

struct DropArgs {
  std::string path;
  std::string name;
};

Result<ExitCode> run_drop(const DropArgs& args) {
  HOLDFAST_TRY_ASSIGN(Database database, open_to_write(args.path));
  HOLDFAST_TRY_ASSIGN(const bool was_there, database.unpin(args.name));
  HOLDFAST_TRY(database.close());
  if (!was_there) {
    return fail(ErrorCode::kNotFound,
                fmt::format("no pin \"{}\" (`holdfast pin list DATABASE` lists them)", escaped(args.name)));
  }
  return ExitCode::kDone;
}

void define_drop(CLI::App& command, DropArgs& args) {
  command.add_option("NAME", args.name, "Name of the pin")->required();
  command.footer(
      "Gives back the space that only this pin kept. Exit code 1: no such pin.\n\n"
      "Example: holdfast pin drop orders.db before-the-migration");
}

}  // namespace

Result<Snapshot> snapshot_as_of(const Database& database, const std::optional<std::string>& as_of) {
  if (!as_of) return database.snapshot();
  const std::string_view text = *as_of;
  if (text.starts_with(kCsnPrefix)) {
    HOLDFAST_TRY_ASSIGN(const uint64_t csn, number_of(text.substr(kCsnPrefix.size()), kCsnPrefix));
    return database.as_of(Csn{csn});
  }
  if (text.starts_with(kTimePrefix)) {
    HOLDFAST_TRY_ASSIGN(const uint64_t seconds, number_of(text.substr(kTimePrefix.size()), kTimePrefix));
    // The whole second counts.
    return database.as_of_time(seconds < UINT64_MAX / kNsPerSecond - 1 ? (seconds + 1) * kNsPerSecond - 1 : UINT64_MAX);
  }
  return database.as_of(text);
}

CLI::Option* add_as_of_option(CLI::App& command, std::optional<std::string>& as_of) {
  return command
      .add_option(
          "--as-of", as_of,
          "The state that was pinned under this name; csn:N, the state after commit N; time:SECONDS, the newest\n"
          "pinned one that is at least so old (seconds since 1970)")
      ->type_name("PIN");
}

void add_pin_commands(CLI::App& app, Chosen& chosen) {
  CLI::App* pin = app.add_subcommand("pin", "States that stay readable, whatever is changed later");
  pin->require_subcommand(1);
  add_command<AddArgs>(*pin, chosen, "add", "Keep the newest state readable", run_add, define_add);
  add_command<ListArgs>(*pin, chosen, "list", "Print the pins, and what they retain", run_list, define_list);
  add_command<DropArgs>(*pin, chosen, "drop", "Let a state go", run_drop, define_drop);
  pin->footer(
      "Examples:\n"
      "  holdfast pin add orders.db before-the-migration\n"
      "  holdfast scan orders.db users --as-of before-the-migration\n"
      "  holdfast pin drop orders.db before-the-migration");
}

}  // namespace holdfast::cli
