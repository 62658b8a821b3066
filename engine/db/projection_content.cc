#include "db/projection_content.h"

#include <array>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/little_endian.h"
#include "db/projection_slot.h"
#include "projection/table_cursor.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

class ContentHash {
 public:
  void begin_table(std::string_view stored_name) {
    table_ = stored_name;
    began_ = false;
  }
  void add_row(std::string_view key, uint64_t created_at, std::string_view data) {
    kind('L');
    text(key);
    number(created_at);
    text(data);
  }
  void add_version(std::string_view key, uint64_t created_at, uint64_t deleted_at, std::string_view data) {
    kind('H');
    text(key);
    number(created_at);
    number(deleted_at);
    text(data);
  }
  Hash finish() { return hash_.finish(); }

 private:
  void kind(char letter) {
    if (!began_) {
      began_ = true;
      hash_.update(as_bytes("T"));
      text(table_);
    }
    hash_.update(as_bytes(std::string_view(&letter, 1)));
  }
  void number(uint64_t value) {
    std::array<std::byte, sizeof value> bytes{};
    store_le(bytes.data(), value);
    hash_.update(bytes);
  }
  void text(std::string_view value) {
    number(value.size());
    hash_.update(as_bytes(value));
  }

  Sha256 hash_;
  std::string_view table_;
  bool began_ = false;
};

Result<void> hash_rows(ReadState& state, const projection::Table& table, uint64_t to, ContentHash& hash) {
  projection::TableCursor rows(state.reader(), table, to);
  HOLDFAST_TRY_ASSIGN(bool there, rows.first());
  while (there) {
    HOLDFAST_TRY_ASSIGN(const projection::Version version, rows.version());
    hash.add_row(rows.key(), version.created_at, version.data);
    HOLDFAST_TRY_ASSIGN(there, rows.next());
  }
  return {};
}

Result<void> hash_versions(ReadState& state, const projection::Table& table, uint64_t from, uint64_t to,
                           ContentHash& hash) {
  tree::Cursor versions(state.reader(), table.history);
  std::string key;
  HOLDFAST_TRY_ASSIGN(bool there, versions.first());
  while (there) {
    uint64_t created_at = 0;
    format::VersionRow row;
    HOLDFAST_TRY_ASSIGN(const std::string_view value, versions.value());
    if (!format::decode_version_key(versions.key(), key, created_at) || !format::decode(value, row)) {
      return projection::bad_row("a superseded version that cannot be");
    }
    if (row.position > from && row.position <= to) {
      hash.add_version(key, created_at, row.position, row.data);
    }
    HOLDFAST_TRY_ASSIGN(there, versions.next());
  }
  return {};
}

}  // namespace

Result<Hash> hash_content(ReadState& state, const format::ProjectionRow& row, uint32_t generation, uint64_t from,
                          uint64_t to) {
  HOLDFAST_TRY_ASSIGN(const auto names, list_tables(state, row.projection_id, generation));
  ContentHash hash;
  for (const std::string& name : names) {
    const auto root_of = [&](format::TableTree tree) -> Result<format::PageRef> {
      std::string bucket = format::tables_prefix(row.projection_id, generation, tree);
      BucketSlot& slot = state.own_slot(bucket += name);
      HOLDFAST_TRY(state.resolve(slot));
      return slot.record.root;
    };
    projection::Table table;
    HOLDFAST_TRY_ASSIGN(table.current, root_of(format::TableTree::kCurrent));
    HOLDFAST_TRY_ASSIGN(table.history, root_of(format::TableTree::kHistory));
    hash.begin_table(name);
    HOLDFAST_TRY(hash_rows(state, table, to, hash));
    HOLDFAST_TRY(hash_versions(state, table, from, to, hash));
  }
  return hash.finish();
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
