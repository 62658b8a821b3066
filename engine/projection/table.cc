#include "projection/table.h"

#include <optional>

#include "base/bytes.h"
#include "base/check.h"
#include "format/leaf.h"
#include "format/projection_rows.h"
#include "tree/cursor.h"
#include "tree/descent.h"
#include "tree/tree.h"

namespace holdfast::projection {

std::unexpected<Error> bad_row(std::string_view what) {
  std::string message = "a table of a projection holds ";
  message += what;
  return fail(Error(ErrorCode::kCorruption, std::move(message)).at("tree"));
}

namespace {

enum class Answer : uint8_t { kNothing, kVersion, kUnknown };

// The version of a current row, if it was there at `position`. Its data go into `buffer`.
Result<Answer> take_current(std::string_view value, uint64_t position, std::string& buffer, Version& version) {
  format::VersionRow row;
  if (!format::decode(value, row)) {
    return bad_row("a current row that cannot be");
  }
  if (row.position > position) {
    return Answer::kNothing;
  }
  buffer.assign(row.data);
  version = {row.position, format::kNeverDeleted, buffer};
  return Answer::kVersion;
}

// The version of a superseded row, if it was there at `position` and is one of the key that `wanted` begins with.
// `found_key` may be in `buffer`.
Result<Answer> take_superseded(std::string_view wanted, std::string_view found_key, std::string_view value,
                               uint64_t position, std::string& buffer, Version& version) {
  // The same groups, and then another position.
  if (!found_key.starts_with(wanted.substr(0, wanted.size() - sizeof position))) {
    return Answer::kNothing;
  }
  if (found_key.size() != wanted.size()) {
    return bad_row("a version key that cannot be");
  }
  version.created_at = format::position_of(found_key);
  format::VersionRow row;
  if (!format::decode(value, row) || row.position <= version.created_at) {
    return bad_row("a superseded version that cannot be");
  }
  if (row.position <= position) {
    return Answer::kNothing;
  }
  buffer.assign(row.data);
  version.deleted_at = row.position;
  version.data = buffer;
  return Answer::kVersion;
}

// What get_at() finds, if one leaf of each tree tells it. Neither way down waits for the memory of the other. `wanted`:
// the version key of `key` at the position after the one that is asked for. Pre: table.history is not null.
Result<Answer> look_into_leaves(PageReader& reader, const Table& table, std::string_view key, std::string_view wanted,
                                uint64_t position, std::string& buffer, Version& version) {
  const PageReader::Guard guard(reader);
  tree::Descent current(reader);
  tree::Descent history(reader);
  if (!table.current.is_null()) {
    HOLDFAST_TRY(current.start(table.current));
  }
  HOLDFAST_TRY(history.start(table.history));
  while (!current.arrived() || !history.arrived()) {
    history.choose(wanted);
    current.choose(key);
    HOLDFAST_TRY(history.move());
    HOLDFAST_TRY(current.move());
  }
  // First the superseded ones: of many positions, few are those of the current version.
  const format::LeafView superseded(history.leaf(), reader.page_bytes());
  const uint32_t behind = superseded.lower_bound(wanted);
  if (behind == 0) {
    return Answer::kUnknown;  // it is in the leaf before, if it is
  }
  const format::LeafCell cell = superseded.cell(behind - 1);
  if (cell.is_overflow) {
    return Answer::kUnknown;
  }
  buffer.assign(superseded.prefix());
  buffer.append(cell.suffix);
  const auto answer = take_superseded(wanted, buffer, as_text(cell.value, cell.value_bytes), position, buffer, version);
  if (!answer || *answer != Answer::kNothing || current.leaf() == nullptr) {
    return answer;
  }
  const format::LeafView leaf(current.leaf(), reader.page_bytes());
  const std::optional<uint32_t> index = leaf.find(key);
  if (!index) {
    return Answer::kNothing;
  }
  const format::LeafValue value = leaf.value(*index);
  return value.overflow ? Answer::kUnknown : take_current(value.bytes, position, buffer, version);
}

}  // namespace

Result<bool> get_at(PageReader& reader, const Table& table, std::string_view key, uint64_t position,
                    std::string& buffer, Version& version) {
  std::string wanted;
  if (position != kNewest && !table.history.is_null()) {
    format::encode_version_key(key, position + 1, wanted);
    HOLDFAST_TRY_ASSIGN(const Answer answer, look_into_leaves(reader, table, key, wanted, position, buffer, version));
    if (answer != Answer::kUnknown) {
      return answer == Answer::kVersion;
    }
  }
  std::string value;
  HOLDFAST_TRY_ASSIGN(const bool is_there, tree::get(reader, table.current, key, value));
  if (is_there) {
    HOLDFAST_TRY_ASSIGN(const Answer answer, take_current(value, position, buffer, version));
    if (answer == Answer::kVersion) {
      return true;
    }
  }
  if (wanted.empty()) {
    return false;
  }
  tree::Cursor cursor(reader, table.history);
  HOLDFAST_TRY_ASSIGN(const bool found, cursor.seek_before(wanted));
  if (!found) {
    return false;
  }
  HOLDFAST_TRY_ASSIGN(const std::string_view bytes, cursor.value());
  HOLDFAST_TRY_ASSIGN(const Answer answer, take_superseded(wanted, cursor.key(), bytes, position, buffer, version));
  return answer == Answer::kVersion;
}

}  // namespace holdfast::projection
