// `holdfast-sim report`: one run as a web page.
#pragma once

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

namespace holdfast::sim {

// Adds the command. `run` is set to what does it if it was chosen; it returns the exit code: 0 if the page is written.
// `profiles`: the names that there are, for people.
void add_report_command(CLI::App& app, std::function<int()>& run, const std::string& profiles);

}  // namespace holdfast::sim
