// `holdfast-sim score`: the table of planted bugs, and what was found of them.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <string_view>

#include "base/planted.h"

namespace holdfast::sim {

// Adds the command. `run` is set to what does it if it was chosen; it returns the exit code: 1 if a bug was not found.
void add_score_command(CLI::App& app, std::function<int()>& run, const std::function<bool()>& stop);

// kNone: there is none of that name.
planted::Bug bug_named(std::string_view name);
// Empty, or why it is no name of a planted bug.
std::string check_bug_name(const std::string& name);

}  // namespace holdfast::sim
