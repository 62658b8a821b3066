// ProjectionWriter: one generation of a projection, as a transaction changes it.
//
// Threads: the transaction's. Everything that it does is a row of the transaction, and nothing until that commits.
// Two transactions that apply to one generation conflict: both write its state.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <holdfast/projection.h>
#include <holdfast/result.h>

#include "db/transaction_core.h"
#include "format/projection_rows.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// The projection as the transaction sees it; nullopt: it is not there. Errors: invalid_argument (the name), io,
// corruption.
Result<std::optional<format::ProjectionRow>> find_projection(TransactionCore& transaction, const std::string& name);
// Adds one, with an id that no other has. `stream` empty: it is fed by batches. Pre: there is none of this name; the
// transaction is serializable. Errors: io, corruption.
Result<format::ProjectionRow> make_projection(TransactionCore& transaction, const std::string& name,
                                              const std::string& stream);
Result<void> put_projection(TransactionCore& transaction, const std::string& name, const format::ProjectionRow& row);
// A generation to which nothing was applied. From here on whoever drops it conflicts with whoever applies to it.
Result<void> begin_generation(TransactionCore& transaction, const format::ProjectionRow& row, uint32_t generation);
// Every bucket of a generation goes.
Result<void> drop_generation(TransactionCore& transaction, const format::ProjectionRow& row, uint32_t generation);

// The projection, which is made, in a transaction of its own, if it is not there. Errors: those of all these, and of
// Transaction::commit.
Result<format::ProjectionRow> find_or_make_projection(DatabaseCore& database, const std::string& name,
                                                      const std::string& stream);

// Runs `body` in a transaction and commits it, again and again while that conflicts, kExecAttemptsMax times in all.
Result<Commit> exec_own(DatabaseCore& database, Isolation isolation, Durability durability,
                        const std::function<Result<void>(TransactionCore&)>& body);

class ProjectionWriter {
 public:
  // Reads where the generation is. Errors: io, corruption.
  static Result<ProjectionWriter> open(TransactionCore& transaction, const std::string& name,
                                       const format::ProjectionRow& row, uint32_t generation);

  const format::StateRow& state() const { return state_; }
  // Errors: conflict (the position is not the next one), invalid_argument (a name, key or value beyond its limit), io,
  // corruption. After an error the transaction must be rolled back.
  Result<void> apply(const WriteBatch& batch);
  // Pre: a position that is applied and not below the old floor.
  void set_floor(uint64_t floor) { state_.floor = floor; }
  // The transaction holds what the state is now.
  Result<void> put_state();
  // The rows of one of a table's trees.
  uint32_t tree_of(std::string_view stored_name, format::TableTree tree);

 private:
  struct Table {
    uint32_t current = 0;
    uint32_t history = 0;
  };
  ProjectionWriter(TransactionCore& transaction, const std::string& name, const format::ProjectionRow& row,
                   uint32_t generation);
  Table& table(std::string_view stored_name);
  Result<void> write(const Table& table, uint64_t position, std::string_view key,
                     std::optional<std::string_view> value);

  TransactionCore* transaction_;
  std::string name_;
  format::ProjectionRow row_;
  uint32_t generation_;
  Logging logging_;
  uint32_t state_bucket_;
  format::StateRow state_;
  std::map<std::string, Table, std::less<>> tables_;
  std::string version_key_;
  std::string version_row_;
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
