// What the tortured clients write: everything follows from a client's number and the number of its commit, so that
// whoever looks at the database afterwards knows what must be there.
//
// Client c writes commits 1, 2, 3, ...; commit n writes n to the row "c" of bucket "last", and some rows of the
// client's own to bucket "rows"; now and then it erases all of them first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/draw.h"

namespace holdfast::torture {

constexpr uint32_t kClients = 4;
constexpr uint32_t kRowsMax = 6;

struct PlannedCommit {
  bool erases_first = false;
  uint32_t rows = 1;  // indices [0, rows) are written
};

inline PlannedCommit planned(uint32_t client, uint64_t number) {
  Draw draw(number * kClients + client);
  return {draw.one_in(16), static_cast<uint32_t>(1 + draw.below(kRowsMax))};
}

inline std::string row_key(uint32_t client, uint32_t index) {
  return "client" + std::to_string(client) + "/row" + std::to_string(index);
}

// Mostly small, now and then larger than a page and than a frame of the log.
inline std::string row_value(uint32_t client, uint64_t number, uint32_t index) {
  Draw draw((number * kClients + client) * kRowsMax + index + 0x5EED);
  const uint64_t bytes = draw.one_in(32) ? 4000 + draw.below(20000) : draw.below(600);
  std::string value = std::to_string(client) + "/" + std::to_string(number) + "/" + std::to_string(index) + ":";
  while (value.size() < bytes) {
    value.push_back(static_cast<char>('a' + draw.below(26)));
  }
  return value;
}

// The row after the client's commit `last`; nothing if it is not there.
inline std::optional<std::string> expected_row(uint32_t client, uint64_t last, uint32_t index) {
  for (uint64_t number = last; number > 0; --number) {
    const PlannedCommit commit = planned(client, number);
    if (index < commit.rows) {
      return row_value(client, number, index);
    }
    if (commit.erases_first) {
      break;
    }
  }
  return std::nullopt;
}

// What a client was told, as it stands in the file of acknowledgements.
struct Acknowledgement {
  uint64_t client = 0;
  uint64_t number = 0;
  uint64_t csn = 0;
  uint64_t is_durable = 0;
};

}  // namespace holdfast::torture
