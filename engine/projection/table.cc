#include "projection/table.h"

#include "format/projection_rows.h"
#include "tree/cursor.h"
#include "tree/tree.h"

namespace holdfast::projection {

std::unexpected<Error> bad_row(std::string_view what) {
  std::string message = "a table of a projection holds ";
  message += what;
  return fail(Error(ErrorCode::kCorruption, std::move(message)).at("tree"));
}

Result<bool> get_at(PageReader& reader, const Table& table, std::string_view key, uint64_t position,
                    std::string& buffer, Version& version) {
  HOLDFAST_TRY_ASSIGN(const bool is_there, tree::get(reader, table.current, key, buffer));
  format::VersionRow row;
  if (is_there) {
    if (!format::decode(buffer, row)) {
      return bad_row("a current row that cannot be");
    }
    if (row.position <= position) {
      version = {row.position, format::kNeverDeleted, row.data};
      return true;
    }
  }
  if (position == kNewest || table.history.is_null()) {
    return false;
  }
  std::string wanted;
  format::encode_version_key(key, position + 1, wanted);
  tree::Cursor cursor(reader, table.history);
  HOLDFAST_TRY_ASSIGN(const bool found, cursor.seek_before(wanted));
  // The same key but for the position at its end.
  const std::string_view groups = std::string_view(wanted).substr(0, wanted.size() - sizeof position);
  if (!found || !cursor.key().starts_with(groups)) {
    return false;
  }
  std::string found_key;
  if (!format::decode_version_key(cursor.key(), found_key, version.created_at)) {
    return bad_row("a version key that cannot be");
  }
  HOLDFAST_TRY_ASSIGN(const std::string_view value, cursor.value());
  buffer = value;
  if (!format::decode(buffer, row) || row.position <= version.created_at) {
    return bad_row("a superseded version that cannot be");
  }
  version.deleted_at = row.position;
  version.data = row.data;
  return row.position > position;
}

}  // namespace holdfast::projection
