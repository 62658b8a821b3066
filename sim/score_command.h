// `holdfast-sim score`: the table of planted bugs, and what was found of them.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace holdfast::sim {

// Adds the command. `run` is set to what does it if it was chosen; it returns the exit code: 1 if a bug was not found.
void add_score_command(CLI::App& app, std::function<int()>& run, const std::function<bool()>& stop);

}  // namespace holdfast::sim
