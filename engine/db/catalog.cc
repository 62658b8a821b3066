#include "db/catalog.h"

#include <array>

#include "base/bytes.h"
#include "db/open.h"
#include "format/projection_rows.h"
#include "tree/cursor.h"
#include "tree/tree.h"

namespace holdfast::catalog {

Result<std::optional<format::BucketRecord>> find(PageReader& reader, const format::PageRef& root, std::string_view name,
                                                 std::string& scratch) {
  HOLDFAST_TRY_ASSIGN(const bool found, tree::get(reader, root, name, scratch));
  if (!found) {
    return std::nullopt;
  }
  format::BucketRecord record;
  if (!format::decode(scratch, record)) {
    return fail(Error(ErrorCode::kCorruption, "the catalog's record of a bucket is damaged").at(kTreeFileName));
  }
  return record;
}

Result<std::optional<format::BucketRecord>> find(PageReader& reader, const format::PageRef& root,
                                                 std::string_view name) {
  std::string scratch;
  return find(reader, root, name, scratch);
}

Result<std::vector<std::string>> list(PageReader& reader, const format::PageRef& root) {
  std::vector<std::string> names;
  tree::Cursor cursor(reader, root);
  // The engine's own come first.
  HOLDFAST_TRY_ASSIGN(bool there, cursor.seek(std::string(1, format::kOwnBucketPrefix + 1)));
  while (there) {
    names.emplace_back(cursor.key());
    HOLDFAST_TRY_ASSIGN(there, cursor.next());
  }
  return names;
}

Result<std::vector<std::string>> list_own(PageReader& reader, const format::PageRef& root, std::string_view prefix) {
  std::vector<std::string> names;
  tree::Cursor cursor(reader, root);
  HOLDFAST_TRY_ASSIGN(bool there, cursor.seek(prefix));
  while (there && cursor.key().starts_with(prefix)) {
    names.emplace_back(cursor.key());
    HOLDFAST_TRY_ASSIGN(there, cursor.next());
  }
  return names;
}

Result<format::PageRef> apply(PageWriter& writer, const format::PageRef& root, const Changes& changes) {
  std::vector<std::array<std::byte, sizeof(format::BucketOnDisk)>> values;
  values.reserve(changes.size());
  std::vector<tree::Op> batch;
  batch.reserve(changes.size());
  for (const auto& [name, record] : changes) {
    tree::Op op{name, std::nullopt};
    if (record) {
      values.push_back(std::bit_cast<std::array<std::byte, sizeof(format::BucketOnDisk)>>(format::encode(*record)));
      op.value = as_text(values.back());
    }
    batch.push_back(op);
  }
  return tree::apply(writer, root, batch);
}

}  // namespace holdfast::catalog
