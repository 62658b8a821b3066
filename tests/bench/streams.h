// Streams beside a bare loop that does what cannot be left out: hash each payload, link it, write, and sync.
#pragma once

#include <string>

#include "tests/bench/table.h"

namespace holdfast::bench {

// Adds rows to the table, for the engines "raw" and "holdfast". `directory` is emptied.
void measure_streams(Table& table, const std::string& directory, int repetitions);
// Opens a database that was killed, with so much in its log.
void measure_replay(Table& table, const std::string& directory, int repetitions);

}  // namespace holdfast::bench
