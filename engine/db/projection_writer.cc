#include "db/projection_writer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "db/cursor_core.h"
#include "db/limits.h"
#include "db/projection_slot.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

Logging logging_of(const format::ProjectionRow& row) { return row.from_stream ? Logging::kUnlogged : Logging::kLogged; }

Logging logging_of_rows(const format::ProjectionRow& row) {
  return PLANTED(kStreamRowsLogged) ? Logging::kLogged : logging_of(row);
}

std::unexpected<Error> bad_row(const std::string& what) {
  return fail(Error(ErrorCode::kCorruption, "the stored " + what + " is damaged").at("tree"));
}

}  // namespace

Result<std::optional<format::ProjectionRow>> find_projection(TransactionCore& transaction, const std::string& name) {
  HOLDFAST_TRY(check_projection_name(name));
  const uint32_t bucket = transaction.own_bucket(format::projections_bucket(), Logging::kLogged);
  HOLDFAST_TRY_ASSIGN(const auto value, transaction.get(bucket, name));
  if (!value) {
    return std::nullopt;
  }
  format::ProjectionRow row;
  if (!format::decode(*value, row)) {
    return bad_row("row of projection " + name);
  }
  return row;
}

Result<format::ProjectionRow> make_projection(TransactionCore& transaction, const std::string& name,
                                              const std::string& stream) {
  const uint32_t bucket = transaction.own_bucket(format::projections_bucket(), Logging::kLogged);
  uint32_t id_max = 0;
  const std::unique_ptr<CursorCore> cursor = transaction.cursor(bucket);
  for (bool there = cursor->first(); there; there = cursor->next()) {
    format::ProjectionRow other;
    if (!format::decode(cursor->value(), other)) {
      return bad_row("row of a projection");
    }
    id_max = std::max(id_max, other.projection_id);
  }
  HOLDFAST_TRY(cursor->status());
  const format::ProjectionRow row{
      .projection_id = id_max + 1, .generation = 1, .building = 0, .from_stream = !stream.empty(), .stream = stream};
  HOLDFAST_TRY(put_projection(transaction, name, row));
  HOLDFAST_TRY(begin_generation(transaction, row, row.generation));
  return row;
}

Result<void> begin_generation(TransactionCore& transaction, const format::ProjectionRow& row, uint32_t generation) {
  const uint32_t bucket =
      transaction.own_bucket(format::generation_bucket(row.projection_id, generation), logging_of(row));
  return transaction.put(bucket, format::kStateKey, format::encode(format::StateRow{}));
}

Result<void> put_projection(TransactionCore& transaction, const std::string& name, const format::ProjectionRow& row) {
  const uint32_t bucket = transaction.own_bucket(format::projections_bucket(), Logging::kLogged);
  return transaction.put(bucket, name, format::encode(row));
}

Result<void> drop_generation(TransactionCore& transaction, const format::ProjectionRow& row, uint32_t generation) {
  HOLDFAST_TRY_ASSIGN(const std::vector<std::string> buckets,
                      list_generation(transaction.read_state(), row.projection_id, generation));
  for (const std::string& bucket : buckets) {
    HOLDFAST_TRY(transaction.drop_bucket(transaction.own_bucket(bucket, logging_of(row))));
  }
  return {};
}

Result<format::ProjectionRow> find_or_make_projection(DatabaseCore& database, const std::string& name,
                                                      const std::string& stream) {
  {
    // The usual case; and nothing waits for what others commit.
    const std::unique_ptr<TransactionCore> transaction = database.begin(Isolation::kSnapshot);
    HOLDFAST_TRY_ASSIGN(const auto found, find_projection(*transaction, name));
    if (found) {
      return *found;
    }
  }
  format::ProjectionRow row;
  HOLDFAST_TRY(exec_own(database, Isolation::kSerializable, Durability::kDurable,
                        [&](TransactionCore& transaction) -> Result<void> {
                          HOLDFAST_TRY_ASSIGN(const auto found, find_projection(transaction, name));
                          if (found) {
                            row = *found;
                            return {};
                          }
                          HOLDFAST_TRY_ASSIGN(row, make_projection(transaction, name, stream));
                          return {};
                        }));
  return row;
}

Result<Commit> exec_own(DatabaseCore& database, Isolation isolation, Durability durability,
                        const std::function<Result<void>(TransactionCore&)>& body) {
  for (uint32_t attempt = 1;; ++attempt) {
    const std::unique_ptr<TransactionCore> transaction = database.begin(isolation);
    HOLDFAST_TRY(body(*transaction));
    Result<Commit> commit = transaction->commit(durability);
    if (commit || commit.error().code() != ErrorCode::kConflict || attempt == kExecAttemptsMax) {
      return commit;
    }
  }
}

ProjectionWriter::ProjectionWriter(TransactionCore& transaction, const std::string& name,
                                   const format::ProjectionRow& row, uint32_t generation)
    : transaction_(&transaction),
      name_(name),
      row_(row),
      generation_(generation),
      logging_(logging_of(row)),
      state_bucket_(transaction.own_bucket(format::generation_bucket(row.projection_id, generation), logging_)) {}

Result<ProjectionWriter> ProjectionWriter::open(TransactionCore& transaction, const std::string& name,
                                                const format::ProjectionRow& row, uint32_t generation) {
  ProjectionWriter writer(transaction, name, row, generation);
  HOLDFAST_TRY_ASSIGN(const auto value, transaction.get(writer.state_bucket_, format::kStateKey));
  if (value && !format::decode(*value, writer.state_)) {
    return bad_row("position of projection " + name);
  }
  return writer;
}

uint32_t ProjectionWriter::tree_of(std::string_view stored_name, format::TableTree tree) {
  std::string name = format::tables_prefix(row_.projection_id, generation_, tree);
  return transaction_->own_bucket(name += stored_name, logging_of_rows(row_));
}

ProjectionWriter::Table& ProjectionWriter::table(std::string_view stored_name) {
  if (const auto found = tables_.find(stored_name); found != tables_.end()) {
    return found->second;
  }
  const Table table{.current = tree_of(stored_name, format::TableTree::kCurrent),
                    .history = tree_of(stored_name, format::TableTree::kHistory)};
  return tables_.emplace(stored_name, table).first->second;
}

Result<void> ProjectionWriter::apply(const WriteBatch& batch) {
  if (batch.position() != state_.applied + 1 && !PLANTED(kPositionUnchecked)) {
    return fail(ErrorCode::kConflict, "projection " + name_ + " has applied position " +
                                          std::to_string(state_.applied) + "; the next one is " +
                                          std::to_string(state_.applied + 1) + ", and not " +
                                          std::to_string(batch.position()));
  }
  for (const WriteBatch::Write& write : batch.writes()) {
    HOLDFAST_TRY(check_table_name(write.table.stored()));
    HOLDFAST_TRY(check_table_key(write.key, transaction_->page_bytes()));
    std::optional<std::string_view> value;
    if (write.value) {
      HOLDFAST_TRY(check_table_value(*write.value));
      value = *write.value;
    }
    HOLDFAST_TRY(this->write(table(write.table.stored()), batch.position(), write.key, value));
  }
  state_.applied = batch.position();
  state_.hash = batch.chain_hash();
  if (state_.applied % format::kMarkDistance == 0 && state_.hash != Hash{}) {
    HOLDFAST_TRY(transaction_->put(state_bucket_, format::mark_key(state_.applied), as_text(state_.hash)));
  }
  return {};
}

Result<void> ProjectionWriter::write(const Table& table, uint64_t position, std::string_view key,
                                     std::optional<std::string_view> value) {
  HOLDFAST_TRY_ASSIGN(const auto current, transaction_->get(table.current, key));
  if (current) {
    format::VersionRow row;
    if (!format::decode(*current, row) || row.position > position) {
      return bad_row("row of a table of projection " + name_);
    }
    // One of the same position was never seen by anybody.
    if (row.position < position && !PLANTED(kVersionLost)) {
      format::encode_version_key(key, row.position, version_key_);
      format::encode({position, row.data}, version_row_);
      HOLDFAST_TRY(transaction_->put(table.history, version_key_, version_row_));
    }
  }
  if (value) {
    format::encode({position, *value}, version_row_);
    return transaction_->put(table.current, key, version_row_);
  }
  if (current) {
    HOLDFAST_TRY(transaction_->erase(table.current, key));
  }
  return {};
}

Result<void> ProjectionWriter::put_state() {
  return transaction_->put(state_bucket_, format::kStateKey, format::encode(state_));
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
