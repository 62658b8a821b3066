// wal dump: the records of the write-ahead log, and what they change.
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/wal_commands.h"
#include "cli/wal_text.h"

namespace holdfast::cli {
namespace {

struct WalDumpArgs {
  std::string path;
  uint64_t from = 0;
  uint64_t to = std::numeric_limits<uint64_t>::max();
  bool rows = false;
  bool text = false, hex = false, json = false;
};

// One change of a commit, as all forms of output show it.
struct Change {
  std::string_view what;  // put, erase, erase-range, create, drop, need
  std::string_view bucket;
  std::optional<std::string_view> key, value;  // of an erased range: its bounds
};

std::vector<Change> changes_of(const BucketWrites& bucket) {
  std::vector<Change> changes;
  if (bucket.dropped) changes.push_back({"drop", bucket.name, {}, {}});
  if (bucket.created) changes.push_back({"create", bucket.name, {}, {}});
  // A put says as much.
  if (bucket.implied && bucket.points.empty()) changes.push_back({"need", bucket.name, {}, {}});
  for (const auto& [lo, hi] : bucket.erased) {
    changes.push_back({"erase-range", bucket.name, lo, hi ? std::optional<std::string_view>(*hi) : std::nullopt});
  }
  for (const auto& [key, value] : bucket.points) {
    changes.push_back({value ? "put" : "erase", bucket.name, key, value});
  }
  return changes;
}

class Dumper {
 public:
  Dumper(const WalDumpArgs& args, LogInspection log) : args_(args), log_(std::move(log)) {}

  Result<ExitCode> run() {
    for (const InspectedRecord& record : log_.records()) {
      if (to_int(record.last_csn) < args_.from || to_int(record.first_csn) > args_.to) continue;
      HOLDFAST_TRY(dump(record));
      output_.write(line_);
    }
    HOLDFAST_TRY(output_.flush());
    return damaged_ ? ExitCode::kDamaged : ExitCode::kDone;
  }

 private:
  Result<void> dump(const InspectedRecord& record) {
    line_.clear();
    std::vector<std::unique_ptr<WriteSet>> commits;
    std::optional<Error> damage;
    if (args_.rows) {
      auto decoded = log_.decode(record);
      if (decoded) {
        commits = std::move(*decoded);
      } else if (decoded.error().code() == ErrorCode::kCorruption) {
        damage = std::move(decoded).error();
        damaged_ = true;
        say(fmt::format("holdfast: {}", damage->to_string()));
      } else {
        return fail(std::move(decoded).error());
      }
    }
    if (args_.json) {
      append_json(record, commits, damage);
    } else {
      append_text(record, commits);
    }
    return {};
  }

  void append_bytes(std::string_view bytes) {
    line_ += '\t';
    args_.hex ? append_hex(line_, bytes) : append_escaped(line_, bytes);
  }

  void append_text(const InspectedRecord& record, const std::vector<std::unique_ptr<WriteSet>>& commits) {
    line_ += fmt::format("record\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", to_int(record.first_csn), to_int(record.last_csn),
                         record.lane, record.file, record.offset, record.body_bytes, fate_name(record.fate));
    uint64_t csn = to_int(record.first_csn);
    for (const auto& writes : commits) {
      for (uint32_t index = 0; index < writes->bucket_count(); ++index) {
        for (const Change& change : changes_of(writes->bucket(index))) {
          line_ += fmt::format("{}\t{}", change.what, csn);
          append_bytes(change.bucket);
          if (change.key) append_bytes(*change.key);
          if (change.value) append_bytes(*change.value);
          line_ += '\n';
        }
      }
      csn += 1;
    }
  }

  void append_json(const InspectedRecord& record, const std::vector<std::unique_ptr<WriteSet>>& commits,
                   const std::optional<Error>& damage) {
    nlohmann::ordered_json object = {{"first_csn", to_int(record.first_csn)},
                                     {"last_csn", to_int(record.last_csn)},
                                     {"lane", record.lane},
                                     {"file", record.file},
                                     {"offset", record.offset},
                                     {"bytes", record.body_bytes},
                                     {"fate", fate_name(record.fate)}};
    if (damage) set_json_bytes(object, "damage", damage->to_string());
    if (args_.rows && !damage) object["commits"] = commits_as_json(record, commits);
    line_ += object.dump() + "\n";
  }

  static nlohmann::ordered_json commits_as_json(const InspectedRecord& record,
                                                const std::vector<std::unique_ptr<WriteSet>>& commits) {
    nlohmann::ordered_json array = nlohmann::ordered_json::array();
    uint64_t csn = to_int(record.first_csn);
    for (const auto& writes : commits) {
      nlohmann::ordered_json changes = nlohmann::ordered_json::array();
      for (uint32_t index = 0; index < writes->bucket_count(); ++index) {
        for (const Change& change : changes_of(writes->bucket(index))) {
          const bool is_range = change.what == "erase-range";
          nlohmann::ordered_json object = {{"change", change.what}};
          set_json_bytes(object, "bucket", change.bucket);
          if (change.key) set_json_bytes(object, is_range ? "from" : "key", *change.key);
          if (change.value) set_json_bytes(object, is_range ? "to" : "value", *change.value);
          changes.push_back(std::move(object));
        }
      }
      array.push_back({{"csn", csn}, {"changes", std::move(changes)}});
      csn += 1;
    }
    return array;
  }

  const WalDumpArgs& args_;
  LogInspection log_;
  Output output_;
  std::string line_;
  bool damaged_ = false;
};

Result<ExitCode> run_wal_dump(const WalDumpArgs& args) {
  if (args.to < args.from) return fail(ErrorCode::kInvalidArgument, "--to lies before --from");
  HOLDFAST_TRY_ASSIGN(LogInspection log, inspect_log(args.path));
  return Dumper(args, std::move(log)).run();
}

void define_wal_dump(CLI::App& command, WalDumpArgs& args) {
  command.add_flag("--rows", args.rows, "Also what each commit changed");
  command.add_option("--from", args.from, "Only records with commits from this csn on")->type_name("CSN");
  command.add_option("--to", args.to, "Only records with commits up to this csn")->type_name("CSN");
  CLI::Option* text = command.add_flag("--text", args.text, "Escaped text, TABs between (default)");
  CLI::Option* hex = command.add_flag("--hex", args.hex, "Buckets, keys and values in hexadecimal");
  command.add_flag("--json", args.json, "One JSON object per record")->excludes(text)->excludes(hex);
  text->excludes(hex);
  command.footer(
      "Prints one line per record, in order of csn, with TABs between:\n\n"
      "  record FIRST_CSN LAST_CSN LANE FILE OFFSET BYTES FATE\n\n"
      "FILE and OFFSET are where its redo begins, BYTES is how much there is of it. FATE is `in-tree` (a checkpoint "
      "holds\n"
      "it), `replayed` or `cut` (by the next open, or by `recover`). With --rows, lines follow for what its commits "
      "did:\n\n"
      "  put CSN BUCKET KEY VALUE        erase CSN BUCKET KEY        erase-range CSN BUCKET FROM [TO]\n"
      "  create CSN BUCKET               drop CSN BUCKET             need CSN BUCKET (made if it is not there)\n\n"
      "Records behind a damaged place are not found; `wal verify` names such places. Exit code 4: a record's redo is\n"
      "damaged.\n\n"
      "Examples:\n"
      "  holdfast wal dump orders.db --rows --from 1000 --to 1010\n"
      "  holdfast wal dump orders.db --rows --json | jq '.commits[].changes[] | select(.key == \"id:100\")'");
}

}  // namespace

void add_wal_dump_command(CLI::App& wal, Chosen& chosen) {
  add_command<WalDumpArgs>(wal, chosen, "dump", "Print records, and what they change", run_wal_dump, define_wal_dump);
}

}  // namespace holdfast::cli
