// What the files of the `log` commands share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "cli/command.h"

namespace holdfast::cli {

// A stream that is not there is an error here, with its name. Errors: not_found, io, corruption.
Result<StreamView> existing_stream(const Snapshot& snapshot, const std::string& name);
// Nothing can be undone of these: without --yes they say what they would do.
Error needs_yes(std::string_view what);

std::string hex_of(std::span<const std::byte> bytes);
// "1 record", "600 records"
std::string counted(uint64_t count, std::string_view noun);

// Adds STREAM, the first argument behind the database.
void add_stream_argument(CLI::App& command, std::string& stream);
// Adds --codec.
CLI::Option* add_codec_option(CLI::App& command, Codec& codec, const std::string& description);
// Adds --key and --origin, with which a checkpoint is signed.
CLI::Option* add_signer_options(CLI::App& command, std::string& key_file, std::string& origin);

// Each file of subcommands.
void add_log_append_command(CLI::App& log, Chosen& chosen);
void add_log_read_commands(CLI::App& log, Chosen& chosen);  // read, tail
void add_log_verify_command(CLI::App& log, Chosen& chosen);
void add_log_prove_command(CLI::App& log, Chosen& chosen);
void add_log_upkeep_commands(CLI::App& log, Chosen& chosen);  // redact, trim, compact
void add_log_export_command(CLI::App& log, Chosen& chosen);

}  // namespace holdfast::cli
