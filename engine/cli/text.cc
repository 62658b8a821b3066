#include "cli/text.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace holdfast::cli {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

uint32_t byte_at(std::string_view bytes, size_t index) { return static_cast<unsigned char>(bytes[index]); }

void append_byte_as_hex(std::string& out, uint32_t byte) {
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

int digit_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

// The byte that two hexadecimal digits name, if they do.
std::optional<char> hex_byte(std::string_view two) {
  const int high = digit_value(two[0]), low = digit_value(two[1]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(static_cast<unsigned char>(high * 16 + low));
}

// Length in bytes of the UTF-8 character at the start of `bytes`; 0 if there is none (also for overlong forms,
// surrogates and what lies above U+10FFFF). Pre: not empty.
size_t utf8_character_bytes(std::string_view bytes) {
  const uint32_t lead = byte_at(bytes, 0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || bytes.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte_at(bytes, i) & 0xC0) != 0x80) return 0;
  }
  const uint32_t second = byte_at(bytes, 1);
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F)) return 0;
  if ((lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) return 0;
  return length;
}

// A terminal acts on these instead of showing them: C0, DEL, and C1 in its UTF-8 form.
bool is_control(std::string_view character) {
  const uint32_t lead = byte_at(character, 0);
  return lead < 0x20 || lead == 0x7F || (lead == 0xC2 && byte_at(character, 1) < 0xA0);
}

char short_escape(char byte) {
  switch (byte) {
    case '\\': return '\\';
    case '\t': return 't';
    case '\n': return 'n';
    case '\r': return 'r';
    default: return 0;
  }
}

}  // namespace

void append_escaped(std::string& out, std::string_view bytes, Lines lines) {
  while (!bytes.empty()) {
    const size_t length = utf8_character_bytes(bytes);
    const std::string_view character = bytes.substr(0, length == 0 ? 1 : length);
    bytes.remove_prefix(character.size());
    const char byte = character[0];
    if (lines == Lines::kKeep && (byte == '\n' || byte == '\t' || byte == '\\')) {
      out += byte;
    } else if (const char letter = short_escape(byte); letter != 0) {
      out += '\\';
      out += letter;
    } else if (length == 0 || is_control(character)) {
      for (size_t i = 0; i < character.size(); ++i) {
        out += "\\x";
        append_byte_as_hex(out, byte_at(character, i));
      }
    } else {
      out += character;
    }
  }
}

std::string escaped(std::string_view bytes) {
  std::string out;
  append_escaped(out, bytes);
  return out;
}

Result<std::string> unescaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    const char letter = i + 1 < text.size() ? text[i + 1] : '\0';
    if (letter == '\\' || letter == 't' || letter == 'n' || letter == 'r') {
      out += letter == 't' ? '\t' : letter == 'n' ? '\n' : letter == 'r' ? '\r' : '\\';
      i += 1;
      continue;
    }
    const std::optional<char> byte =
        letter == 'x' && text.size() - i >= 4 ? hex_byte(text.substr(i + 2, 2)) : std::nullopt;
    if (!byte) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("\"{}\" is no escape; known are \\\\ \\t \\n \\r and \\xHH", escaped(text.substr(i, 4))));
    }
    out += *byte;
    i += 3;
  }
  return out;
}

void append_hex(std::string& out, std::string_view bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) append_byte_as_hex(out, byte_at(bytes, i));
}

Result<std::string> unhex(std::string_view digits) {
  if (digits.size() % 2 != 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("hexadecimal needs two digits per byte, this has {}", digits.size()));
  }
  std::string out;
  out.reserve(digits.size() / 2);
  for (size_t i = 0; i < digits.size(); i += 2) {
    const std::optional<char> byte = hex_byte(digits.substr(i, 2));
    if (!byte) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("\"{}\" is not hexadecimal (digit {})", escaped(digits.substr(i, 2)), i + 1));
    }
    out += *byte;
  }
  return out;
}

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t length = utf8_character_bytes(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

void set_json_bytes(nlohmann::ordered_json& object, std::string_view name, std::string_view bytes) {
  if (is_utf8(bytes)) {
    object[std::string(name)] = std::string(bytes);
    return;
  }
  std::string digits;
  append_hex(digits, bytes);
  object[std::string(name) + "_hex"] = std::move(digits);
}

Result<std::optional<std::string>> json_bytes(const nlohmann::json& object, const std::string& name) {
  const auto text = object.find(name);
  const auto digits = object.find(name + "_hex");
  if (text != object.end() && digits != object.end()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("\"{0}\" and \"{0}_hex\" are both there", name));
  }
  const auto member = text != object.end() ? text : digits;
  if (member == object.end()) return std::optional<std::string>();
  if (!member->is_string())
    return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is a {}, not a string", name, member->type_name()));
  const auto& bytes = member->get_ref<const std::string&>();
  if (text != object.end()) return std::optional<std::string>(bytes);
  HOLDFAST_TRY_ASSIGN(std::string plain, unhex(bytes));
  return std::optional<std::string>(std::move(plain));
}

}  // namespace holdfast::cli
