// What an event of a stream, or a batch, changes in the projections of the workload: a pure function of the hash of its
// payload (ValueMark), so that the model knows it without the payload.
//
// Threads: any; pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/projection.h>

#include "sim/run_config.h"
#include "sim/txn_log.h"

namespace holdfast::sim {

constexpr uint32_t kProjectionTables = 3;
constexpr uint32_t kProjectionKeys = 6;  // of each table

// Names of the projections of a run: first those that follow a stream, then those that are fed by batches.
std::string projection_name(const RunConfig& config, uint32_t number);
std::string stream_of_projection(const RunConfig& config, uint32_t number);

struct ProjectionWrite {
  uint32_t table = 0;
  uint32_t key = 0;
  std::optional<uint64_t> value;  // what projection_value() makes a value of; nullopt: erased
};

// In order; of two changes of one key the later one counts.
std::vector<ProjectionWrite> writes_of(uint64_t payload_hash);
const TableName& projection_table(uint32_t table);
// In ascending order.
std::string_view projection_key(uint32_t key);
std::string projection_value(uint64_t number);
// Puts what `payload_hash` changes into the batch.
void reduce(uint64_t payload_hash, WriteBatch& batch);

}  // namespace holdfast::sim
