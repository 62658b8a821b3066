// How bytes are shown and read: escaped text, hexadecimal, JSON. Pure functions; each pair is an exact round trip.
//
// Escaped text is one line without TABs: backslash, TAB, line feed and carriage return become \\ \t \n \r, every other
// control character and every byte that is not part of valid UTF-8 becomes \xHH. Each string of bytes has exactly one
// escaped form, so escaped rows can be sorted and compared by other tools.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include <holdfast/result.h>

namespace holdfast::cli {

enum class Lines : bool { kEscape, kKeep };

// Appends the escaped form of `bytes`. kKeep leaves TABs and line feeds as they are (for values shown to people).
void append_escaped(std::string& out, std::string_view bytes, Lines lines = Lines::kEscape);
std::string escaped(std::string_view bytes);
// Errors: invalid_argument on an escape that append_escaped never writes, or a cut one.
Result<std::string> unescaped(std::string_view text);

void append_hex(std::string& out, std::string_view bytes);
// Digits of either case. Errors: invalid_argument.
Result<std::string> unhex(std::string_view digits);

bool is_utf8(std::string_view bytes);

// Sets object[name] to the bytes if they are UTF-8, else object[name_hex] to their hexadecimal form.
void set_json_bytes(nlohmann::ordered_json& object, std::string_view name, std::string_view bytes);
// The bytes of object[name] or object[name_hex]; nullopt if neither is there. Pre: an object. Errors: invalid_argument
// (both are there, or what is there is no string, or not hexadecimal).
Result<std::optional<std::string>> json_bytes(const nlohmann::json& object, const std::string& name);

}  // namespace holdfast::cli
