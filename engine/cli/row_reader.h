// RowReader: turns the lines that `load` is given into rows.
//
// Three formats: text (KEY TAB VALUE), JSON lines, and dumps, which are known by their first line.
// Fails: invalid_argument with the input's name and line number; io. Nothing can be read after an error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <holdfast/result.h>

#include "cli/input.h"

namespace holdfast::cli {

struct RowFormat {
  bool json = false;                  // else text, or a dump if the first line says so
  bool raw = false;                   // text without escapes
  std::optional<std::string> bucket;  // of rows that name none
};

struct InputRow {
  std::string bucket;
  bool bucket_only = false;  // an empty bucket, no row
  std::string key;
  std::string value;
};

class RowReader {
 public:
  RowReader(Input& input, RowFormat format) : input_(input), format_(std::move(format)) {}

  // False at the end of the input, or when interrupted.
  Result<bool> next(InputRow& row);

 private:
  Result<void> take_text(std::string_view line, InputRow& row) const;
  Result<void> take_json(std::string_view line, InputRow& row) const;
  Result<void> take_dump(std::string_view line, InputRow& row);
  Result<void> take_dump_end(std::string_view line);
  Result<std::string> part(std::string_view text) const;

  Input& input_;
  RowFormat format_;
  bool started_ = false;
  bool dump_ = false;
  bool dump_ended_ = false;
  uint64_t dump_rows_ = 0;
};

}  // namespace holdfast::cli
