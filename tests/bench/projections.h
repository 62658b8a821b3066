// Projections beside a plain bucket with the same rows.
#pragma once

#include <cstdint>
#include <string>

#include "tests/bench/table.h"

namespace holdfast::bench {

// Adds rows to the table, for the engine "holdfast"; a table of about `keys` keys. `directory` is emptied.
void measure_projections(Table& table, const std::string& directory, uint64_t keys);

}  // namespace holdfast::bench
