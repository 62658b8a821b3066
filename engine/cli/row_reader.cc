#include "cli/row_reader.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/dump_format.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace holdfast::cli {
namespace {

std::unexpected<Error> wrong(std::string message) { return fail(ErrorCode::kInvalidArgument, std::move(message)); }

bool is_known_member(std::string_view name) {
  return name == "key" || name == "key_hex" || name == "value" || name == "value_hex" || name == "bucket" ||
         name == "bucket_hex";
}

}  // namespace

Result<bool> RowReader::next(InputRow& row) {
  std::string_view line;
  HOLDFAST_TRY_ASSIGN(bool more, input_.next_line(line));
  if (more && !std::exchange(started_, true) && !format_.json && !format_.raw && line == kDumpFirstLine) {
    if (format_.bucket) {
      return wrong(fmt::format("{}: a dump names its buckets itself; leave --bucket out", input_.place()));
    }
    dump_ = true;
    HOLDFAST_TRY_ASSIGN(more, input_.next_line(line));
  }
  if (more && dump_ && !dump_ended_ && line.starts_with(kDumpEnd) && line.find('\t') == std::string_view::npos) {
    HOLDFAST_TRY(take_dump_end(line));
    HOLDFAST_TRY_ASSIGN(more, input_.next_line(line));
  }
  if (!more) {
    if (dump_ && !dump_ended_ && !interrupted()) {
      return wrong(fmt::format("{}: the dump is cut short: its last line, `end` and the number of rows, is missing",
                               input_.place()));
    }
    return false;
  }
  row = {};
  const Result<void> taken = dump_ ? take_dump(line, row) : format_.json ? take_json(line, row) : take_text(line, row);
  if (!taken) return wrong(fmt::format("{}: {}", input_.place(), taken.error().message()));
  return true;
}

Result<std::string> RowReader::part(std::string_view text) const {
  if (format_.raw) return std::string(text);
  return unescaped(text);
}

Result<void> RowReader::take_text(std::string_view line, InputRow& row) const {
  const size_t tab = line.find('\t');
  if (tab == std::string_view::npos) return wrong("no TAB between key and value");
  const std::string_view value = line.substr(tab + 1);
  if (!format_.raw && value.find('\t') != std::string_view::npos) {
    return wrong("more than one TAB; inside a key or value it is written \\t");
  }
  if (!format_.bucket) return wrong("the row names no bucket; say --bucket");
  row.bucket = *format_.bucket;
  HOLDFAST_TRY_ASSIGN(row.key, part(line.substr(0, tab)));
  HOLDFAST_TRY_ASSIGN(row.value, part(value));
  return {};
}

Result<void> RowReader::take_json(std::string_view line, InputRow& row) const {
  const auto object = nlohmann::json::parse(line, nullptr, false);
  if (object.is_discarded()) return wrong("not JSON");
  if (!object.is_object()) return wrong(fmt::format("a JSON object is wanted, not a {}", object.type_name()));
  for (const auto& member : object.items()) {
    if (!is_known_member(member.key())) return wrong(fmt::format("unknown member \"{}\"", escaped(member.key())));
  }
  HOLDFAST_TRY_ASSIGN(std::optional<std::string> bucket, json_bytes(object, "bucket"));
  HOLDFAST_TRY_ASSIGN(std::optional<std::string> key, json_bytes(object, "key"));
  HOLDFAST_TRY_ASSIGN(std::optional<std::string> value, json_bytes(object, "value"));
  if (!key) return wrong("\"key\" is missing");
  if (!value) return wrong("\"value\" is missing");
  if (!bucket) bucket = format_.bucket;
  if (!bucket) return wrong("the row names no bucket; add \"bucket\", or say --bucket");
  row.bucket = std::move(*bucket);
  row.key = std::move(*key);
  row.value = std::move(*value);
  return {};
}

Result<void> RowReader::take_dump(std::string_view line, InputRow& row) {
  if (dump_ended_) return wrong("something follows the end of the dump");
  const size_t first = line.find('\t');
  if (first == std::string_view::npos) return wrong("a dump's rows are BUCKET TAB KEY TAB VALUE");
  HOLDFAST_TRY_ASSIGN(row.bucket, unescaped(line.substr(0, first)));
  const std::string_view rest = line.substr(first + 1);
  if (rest.empty()) {
    row.bucket_only = true;
    return {};
  }
  const size_t second = rest.find('\t');
  if (second == std::string_view::npos || rest.find('\t', second + 1) != std::string_view::npos) {
    return wrong("a dump's rows are BUCKET TAB KEY TAB VALUE");
  }
  HOLDFAST_TRY_ASSIGN(row.key, unescaped(rest.substr(0, second)));
  HOLDFAST_TRY_ASSIGN(row.value, unescaped(rest.substr(second + 1)));
  dump_rows_ += 1;
  return {};
}

Result<void> RowReader::take_dump_end(std::string_view line) {
  dump_ended_ = true;
  if (line.substr(kDumpEnd.size()) == std::to_string(dump_rows_)) return {};
  return wrong(
      fmt::format("{}: the dump ends with \"{}\", but {} rows came before", input_.place(), escaped(line), dump_rows_));
}

}  // namespace holdfast::cli
