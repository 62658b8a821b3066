// load: many rows from a file or a pipe, in commits of a chosen number of rows.
//
// A commit holds whole rows and is durable before it is acknowledged, and, if it is not deferred, before the next one
// begins. Whatever ends a load (an error, Ctrl-C, a kill, a power cut), the database then holds the first rows of the
// input, up to a commit.
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "cli/audit_event.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/row_reader.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace holdfast::cli {
namespace {

// A batch is held in memory until it commits, so it also ends when its rows have this many bytes.
constexpr uint64_t kBatchBytesMax = uint64_t{256} << 20;

struct LoadArgs {
  std::string path;
  std::string file = "-";
  std::optional<std::string> bucket;
  uint64_t batch_rows = 1000;
  bool json = false;
  bool raw = false;
  bool ack = false;
  bool deferred = false;
  uint16_t lanes = 0;
  std::optional<std::string> audit;
  bool audit_values = false;
};

class Loader {
 public:
  Loader(const LoadArgs& args, Input input, Database database)
      : args_(args),
        input_(std::move(input)),
        reader_(input_, {.json = args.json, .raw = args.raw, .bucket = args.bucket}),
        database_(std::move(database)),
        progress_("loading") {}

  Result<ExitCode> run() {
    Result<void> loaded = load();
    const Result<void> settled = settle();
    if (loaded && !settled) loaded = fail(settled.error());
    progress_.clear();
    if (!loaded || interrupted()) say(account(!loaded ? "stopped by an error" : "interrupted"));
    HOLDFAST_TRY(loaded);
    HOLDFAST_TRY(database_.close());
    return interrupted() ? ExitCode::kInterrupted : ExitCode::kDone;
  }

 private:
  struct Unacknowledged {
    Csn csn{};
    uint64_t rows = 0;
    uint64_t line = 0;  // of its last row
  };

  Result<void> load() {
    for (bool more = true; more && !interrupted();) {
      HOLDFAST_TRY_ASSIGN(more, load_batch());
    }
    return {};
  }

  // One commit. False once the input has ended.
  Result<bool> load_batch() {
    Transaction transaction = database_.begin();
    uint64_t rows = 0, bytes = 0;
    bool more = true, changed = false;
    while (rows < args_.batch_rows && bytes < kBatchBytesMax && !interrupted()) {
      if (args_.ack && input_.would_wait()) HOLDFAST_TRY(settle());  // told before more is waited for
      HOLDFAST_TRY_ASSIGN(more, reader_.next(row_));
      if (!more) break;
      HOLDFAST_TRY(store(transaction));
      changed = true;
      rows += row_.bucket_only ? 0 : 1;
      bytes += row_.key.size() + row_.value.size();
      show_progress(rows);
    }
    if (interrupted()) return false;  // the transaction rolls back
    if (changed) {
      HOLDFAST_TRY_ASSIGN(const Commit commit,
                          transaction.commit(args_.deferred ? Durability::kDeferred : Durability::kDurable));
      unacknowledged_.push_back({commit.csn, rows, input_.line_number()});
      HOLDFAST_TRY(acknowledge());
    }
    return more;
  }

  Result<void> store(Transaction& transaction) {
    if (row_.bucket_only) {
      const Result<Bucket> made = transaction.create_bucket(row_.bucket);
      if (!made && made.error().code() != ErrorCode::kAlreadyExists) return fail(with_place(made.error()));
      return {};
    }
    if (const Result<void> put = transaction.bucket(row_.bucket).put(row_.key, row_.value); !put) {
      return fail(with_place(put.error()));
    }
    if (!args_.audit) return {};
    const AuditValue what = args_.audit_values ? AuditValue::kWhole : AuditValue::kDigest;
    const Result<void> told =
        transaction.stream(*args_.audit).append(audit_event(row_.bucket, row_.key, row_.value, what));
    return told ? told : fail(with_place(told.error()));
  }

  // The engine's complaint about a row, with the row's line.
  Error with_place(const Error& error) const {
    if (error.code() != ErrorCode::kInvalidArgument) return error;
    return {error.code(), fmt::format("{}: {}", input_.place(), error.message())};
  }

  // Makes everything that was committed durable.
  Result<void> settle() {
    if (unacknowledged_.empty()) return {};
    HOLDFAST_TRY(database_.wait_durable(unacknowledged_.back().csn));
    return acknowledge();
  }

  // Commits that are durable by now.
  Result<void> acknowledge() {
    const Csn durable = database_.durable_csn();
    for (; !unacknowledged_.empty() && unacknowledged_.front().csn <= durable; unacknowledged_.pop_front()) {
      last_commit_ = unacknowledged_.front().csn;
      rows_committed_ += unacknowledged_.front().rows;
      line_committed_ = unacknowledged_.front().line;
      if (args_.ack) output_.write(fmt::format("{}\t{}\n", to_int(last_commit_), rows_committed_));
    }
    return args_.ack ? output_.flush() : Result<void>();
  }

  void show_progress(uint64_t rows_in_batch) {
    if (!progress_.due()) return;
    progress_.update(
        input_.bytes_read(), input_.bytes_total(),
        fmt::format("{} rows on disk, {} on their way", rows_committed_, rows_on_their_way(rows_in_batch)));
  }

  uint64_t rows_on_their_way(uint64_t rows_in_batch) const {
    for (const Unacknowledged& commit : unacknowledged_) rows_in_batch += commit.rows;
    return rows_in_batch;
  }

  std::string account(std::string_view why) const {
    if (rows_committed_ == 0) return fmt::format("holdfast: load {}: no row was committed", why);
    return fmt::format("holdfast: load {}: {} rows are committed (through line {}, commit {}), none after that", why,
                       rows_committed_, line_committed_, to_int(last_commit_));
  }

  const LoadArgs& args_;
  Input input_;
  RowReader reader_;
  Database database_;
  Progress progress_;
  Output output_;
  InputRow row_;
  std::deque<Unacknowledged> unacknowledged_;
  uint64_t rows_committed_ = 0;
  uint64_t line_committed_ = 0;
  Csn last_commit_{};
};

Result<ExitCode> run_load(const LoadArgs& args) {
  catch_interrupts();
  HOLDFAST_TRY_ASSIGN(Input input, Input::open(args.file));
  HOLDFAST_TRY_ASSIGN(Database database, open_to_write(args.path, args.lanes));
  return Loader(args, std::move(input), std::move(database)).run();
}

void define_load(CLI::App& command, LoadArgs& args) {
  command.add_option("FILE", args.file, "Input; - is standard input")->capture_default_str();
  command.add_option("--bucket", args.bucket, "Bucket of rows that name none")->type_name("BUCKET");
  command.add_option("--batch", args.batch_rows, "Rows per commit")
      ->type_name("ROWS")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000}))
      ->capture_default_str();
  CLI::Option* json =
      command.add_flag("--json", args.json, "Lines are JSON objects with key, value and perhaps bucket");
  command.add_flag("--raw", args.raw, "Lines have no escapes: a backslash is a backslash")->excludes(json);
  command.add_flag("--ack", args.ack, "Print commit number, TAB and rows so far once a commit is on disk");
  command.add_flag("--deferred", args.deferred, "Do not wait for the disk after each commit, only at the end");
  command.add_option("--lanes", args.lanes, "Parallel files of the log; 0 leaves the choice to the engine")
      ->type_name("LANES")
      ->check(CLI::Range(uint16_t{0}, kLanesLimit));
  CLI::Option* audit = command.add_option(
      "--audit", args.audit,
      "Append an event per row to this stream, in the same commit: bucket, key, and the value's length and SHA-256, as "
      "JSON");
  audit->type_name("STREAM");
  command.add_flag("--audit-values", args.audit_values, "The value, too, so that `projection follow` can tell it")
      ->needs(audit);
  command.footer(
      "Reads lines of KEY TAB VALUE, escaped like `scan` prints them (\\\\ \\t \\n \\r \\xHH); or, with --json, lines "
      "like\n"
      "{\"bucket\":\"users\",\"key\":\"id:100\",\"value\":\"Alice\"} (key_hex, value_hex, bucket_hex for bytes); or "
      "what `dump`\n"
      "printed. A row replaces the row of the same key. A commit also ends when its rows exceed 256 MiB.\n"
      "A wrong line ends the load; rows of earlier commits stay, and the message says how many. So does Ctrl-C.\n\n"
      "With --deferred a commit does not wait until it is on disk: small commits are many times faster, and --ack\n"
      "lines come later, once their commits are. All are on disk when the command returns. A crash on the way loses\n"
      "the last commits at most, and never one without those after it: what is there are the first rows of the input.\n"
      "\n"
      "An event is {\"put\":BUCKET,\"key\":KEY,\"value_bytes\":N,\"value_sha256\":HEX}, and with --audit-values also "
      "\"value\".\n"
      "JSON text must be UTF-8: what is not is told in hexadecimal, as put_hex, key_hex or value_hex, so that every "
      "byte "
      "is\n"
      "told, always. A row whose event has more than 16 MiB - 1 bytes ends the load like a wrong line.\n\n"
      "Examples:\n"
      "  holdfast load orders.db users.tsv --bucket users --batch 5000\n"
      "  jq -c '{key: .id, value: .name}' users.json | holdfast load orders.db --json --bucket users\n"
      "  holdfast load copy.db orders.dump --ack\n"
      "  holdfast load orders.db users.tsv --bucket users --audit audit && holdfast log tail orders.db audit");
}

}  // namespace

void add_load_command(CLI::App& app, Chosen& chosen) {
  add_command<LoadArgs>(app, chosen, "load", "Store many rows from a file or a pipe", run_load, define_load);
}

}  // namespace holdfast::cli
