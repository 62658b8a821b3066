#include "sim/projection_events.h"

#include <cstring>

#include "sim/random.h"

namespace holdfast::sim {

namespace {

constexpr uint64_t kWritesMax = 3;  // of one event

}  // namespace

std::string projection_name(const RunConfig& config, uint32_t number) {
  return (number < config.followed_count ? "view" : "fed") + std::to_string(number);
}

std::string stream_of_projection(const RunConfig& config, uint32_t number) {
  return "stream" + std::to_string(number % config.stream_count);
}

std::vector<ProjectionWrite> writes_of(uint64_t payload_hash) {
  std::vector<ProjectionWrite> writes;
  // Some events change nothing, some the same key twice.
  const uint64_t count = payload_hash % 16 == 0 ? 0 : 1 + payload_hash / 16 % 16 / 6;
  static_assert(1 + 15 / 6 == kWritesMax);
  for (uint64_t index = 0; index < count; ++index) {
    const uint64_t draw = mix(payload_hash, index);
    ProjectionWrite write;
    write.table = static_cast<uint32_t>(draw % kProjectionTables);
    write.key = static_cast<uint32_t>(draw / 8 % kProjectionKeys);
    if (draw / 64 % 4 != 0) {
      write.value = draw;
    }
    if (index > 0 && draw / 256 % 4 == 0) {
      write.table = writes.front().table;
      write.key = writes.front().key;
    }
    writes.push_back(write);
  }
  return writes;
}

const TableName& projection_table(uint32_t table) {
  // 7 and "7" are two tables.
  static const std::array<TableName, kProjectionTables> kTables = {TableName("7"), TableName(TableId{7}),
                                                                   TableName("things")};
  return kTables[table];
}

std::string_view projection_key(uint32_t key) {
  // Around the groups of 8 bytes in which version keys write them.
  static constexpr std::array<std::string_view, kProjectionKeys> kKeys = {
      "1234567", "12345678", std::string_view("12345678\0", 9), "123456781234567812345678", "a key of a projection",
      "b"};
  return kKeys[key];
}

std::string projection_value(uint64_t number) {
  const uint64_t size = number / 1024 % 64;
  std::string value(size == 0 ? 6000 : size == 1 ? 700 : 8 + size % 32, 'v');
  std::memcpy(value.data(), &number, sizeof number);
  return value;
}

void reduce(uint64_t payload_hash, WriteBatch& batch) {
  for (const ProjectionWrite& write : writes_of(payload_hash)) {
    const TableName& table = projection_table(write.table);
    if (write.value) {
      batch.put(table, projection_key(write.key), projection_value(*write.value));
    } else {
      batch.erase(table, projection_key(write.key));
    }
  }
}

}  // namespace holdfast::sim
