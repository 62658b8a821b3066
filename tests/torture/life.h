// One life of the process that is tortured.
#pragma once

#include <cstdint>
#include <string>

#include <holdfast/options.h>

#include "tests/torture/plan.h"

namespace holdfast::torture {

// Small pages, a small cache and a small log, so that checkpoints and evictions never cease; lanes, background thread
// and log are drawn.
Options draw_options(Draw& draw);

// Opens the database and lets the clients commit until the process is killed. Every acknowledgement is appended to
// the file `acknowledgements` before the client goes on. Returns only if something failed, after it has said what.
int live(const std::string& database, const std::string& acknowledgements, uint64_t seed);

}  // namespace holdfast::torture
