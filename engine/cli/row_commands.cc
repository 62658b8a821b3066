// put, get, delete: one row.
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/input.h"
#include "cli/row_options.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace holdfast::cli {
namespace {

Error no_such_key(std::string_view key, std::string_view bucket) {
  return {ErrorCode::kNotFound, fmt::format("no key \"{}\" in bucket \"{}\"", escaped(key), escaped(bucket))};
}

// --- put

struct PutArgs {
  std::string path;
  std::string bucket;
  std::string key;
  std::optional<std::string> value;
  std::optional<std::string> value_file;
  bool hex = false;
};

Result<std::string> value_of(const PutArgs& args) {
  if (args.value.has_value() == args.value_file.has_value()) {
    return fail(ErrorCode::kInvalidArgument, "say the value either as VALUE or with --value-file");
  }
  if (args.value && *args.value != "-") return bytes_of_argument(*args.value, args.hex);
  HOLDFAST_TRY_ASSIGN(Input input, Input::open(args.value_file.value_or("-")));
  return input.read_all(kValueBytesMax);
}

Result<ExitCode> run_put(const PutArgs& args) {
  HOLDFAST_TRY_ASSIGN(const std::string key, bytes_of_argument(args.key, args.hex));
  HOLDFAST_TRY_ASSIGN(const std::string value, value_of(args));
  HOLDFAST_TRY_ASSIGN(Database database, open_to_write(args.path));
  HOLDFAST_TRY(database.put(args.bucket, key, value));
  HOLDFAST_TRY(database.close());
  return ExitCode::kDone;
}

void define_put(CLI::App& command, PutArgs& args) {
  command.add_option("BUCKET", args.bucket, "Bucket; made if it is not there")->required();
  command.add_option("KEY", args.key, "Key")->required();
  command.add_option("VALUE", args.value, "Value; - reads it from standard input, byte for byte");
  command.add_option("--value-file", args.value_file, "Read the value from this file, byte for byte")
      ->type_name("FILE");
  command.add_flag("--hex", args.hex, "KEY and VALUE are hexadecimal");
  command.footer(
      "The row is on disk when the command returns.\n\n"
      "Examples:\n"
      "  holdfast put orders.db users id:100 Alice\n"
      "  holdfast put orders.db photos id:100 --value-file alice.jpg\n"
      "  date | holdfast put orders.db log started -\n"
      "  holdfast put orders.db raw --hex 00ff 0a0b0c");
}

// --- get

struct GetArgs {
  std::string path;
  std::string bucket;
  std::string key;
  std::optional<std::string> as_of;
  bool hex = false;
  bool raw = false;
};

Result<ExitCode> run_get(const GetArgs& args) {
  HOLDFAST_TRY_ASSIGN(const std::string key, bytes_of_argument(args.key, args.hex));
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  HOLDFAST_TRY_ASSIGN(const Snapshot snapshot, snapshot_as_of(database, args.as_of));
  HOLDFAST_TRY_ASSIGN(const BucketView bucket, existing_bucket(snapshot, args.bucket));
  HOLDFAST_TRY_ASSIGN(const std::optional<std::string_view> value, bucket.get(key));
  if (!value) return fail(no_such_key(key, args.bucket));
  Output output;
  output.write(value_text(*value, args.raw ? ValueForm::kRaw : args.hex ? ValueForm::kHex : ValueForm::kForPeople));
  HOLDFAST_TRY(output.flush());
  return ExitCode::kDone;
}

void define_get(CLI::App& command, GetArgs& args) {
  command.add_option("BUCKET", args.bucket, "Bucket")->required();
  command.add_option("KEY", args.key, "Key")->required();
  add_as_of_option(command, args.as_of);
  CLI::Option* hex = command.add_flag("--hex", args.hex, "KEY is hexadecimal, and the value is printed so");
  command.add_flag("--raw", args.raw, "Print the value and nothing else, not even a line feed")->excludes(hex);
  command.footer(
      "Prints the value's bytes and a line feed; on a terminal, control characters other than TAB and line feed are\n"
      "shown as \\xHH. Exit code 1: no such key.\n\n"
      "Examples:\n"
      "  holdfast get orders.db users id:100\n"
      "  holdfast get orders.db photos id:100 --raw > alice.jpg");
}

// --- delete

struct DeleteArgs {
  std::string path;
  std::string bucket;
  std::string key;
  bool hex = false;
};

Result<ExitCode> run_delete(const DeleteArgs& args) {
  HOLDFAST_TRY_ASSIGN(const std::string key, bytes_of_argument(args.key, args.hex));
  HOLDFAST_TRY_ASSIGN(Database database, open_to_write(args.path));
  {
    const Snapshot snapshot = database.snapshot();
    HOLDFAST_TRY(existing_bucket(snapshot, args.bucket));
  }
  HOLDFAST_TRY_ASSIGN(const bool was_there, database.erase(args.bucket, key));
  if (!was_there) return fail(no_such_key(key, args.bucket));
  HOLDFAST_TRY(database.close());
  return ExitCode::kDone;
}

void define_delete(CLI::App& command, DeleteArgs& args) {
  command.add_option("BUCKET", args.bucket, "Bucket")->required();
  command.add_option("KEY", args.key, "Key")->required();
  command.add_flag("--hex", args.hex, "KEY is hexadecimal");
  command.footer("The row is gone from the disk's newest state when the command returns. Exit code 1: no such key.");
}

}  // namespace

void add_row_commands(CLI::App& app, Chosen& chosen) {
  add_command<PutArgs>(app, chosen, "put", "Store one row", run_put, define_put);
  add_command<GetArgs>(app, chosen, "get", "Print the value of one key", run_get, define_get);
  add_command<DeleteArgs>(app, chosen, "delete", "Remove one row", run_delete, define_delete);
}

}  // namespace holdfast::cli
