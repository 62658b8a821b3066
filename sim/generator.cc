#include "sim/generator.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <holdfast/options.h>

namespace holdfast::sim {

namespace {

void append_big_endian(std::string& text, uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    text += static_cast<char>(static_cast<unsigned char>(number >> static_cast<unsigned>(shift)));
  }
}

}  // namespace

uint64_t Generator::key_number() {
  if (percent(config_.hot_percent)) {
    return below(std::min<uint64_t>(config_.key_count, 4));
  }
  return below(config_.key_count);
}

std::string Generator::make_key(uint64_t number) const {
  const uint64_t scrambled = mix(number, 0x6b6579);
  std::string key;
  switch (config_.key_shape) {
    case KeyShape::kNumbered: return fmt::format("k{:06}", number);
    case KeyShape::kLongPrefix:
      key.assign(static_cast<size_t>(40 + number % 3 * 60), 'p');
      return key + fmt::format("{:05}", number);
    case KeyShape::kBinary: {
      append_big_endian(key, scrambled);
      append_big_endian(key, mix(scrambled, 1));
      append_big_endian(key, number);
      // Its length says little, its last byte makes it unique.
      return key.substr(0, static_cast<size_t>(1 + scrambled % 16)) + fmt::format("{}", number);
    }
    case KeyShape::kNearLimit: {
      const uint64_t limit = key_bytes_max(config_.page_bytes);
      key = fmt::format("{:04}", number % 7);
      key.append(static_cast<size_t>(limit - 12 - scrambled % 40), static_cast<char>('a' + number % 3));
      return key + fmt::format("{:08}", number);
    }
    case KeyShape::kBigEndian: append_big_endian(key, scrambled); return key;
    case KeyShape::kDecimal:
    case KeyShape::kCount: break;
  }
  return fmt::format("{}", number);
}

std::string Generator::prefix() {
  std::string whole = key();
  whole.resize(static_cast<size_t>(below(std::min<uint64_t>(whole.size(), 8)) + 1));
  return whole;
}

std::string Generator::value(uint64_t transaction, uint64_t write) {
  uint64_t bytes = below(config_.value_bytes_max + 1);
  if (config_.large_value_one_in != 0 && one_in(config_.large_value_one_in)) {
    bytes = below(config_.large_value_bytes_max + 1);
  }
  std::string text = fmt::format("t{}.{}:", transaction, write);
  const size_t head = text.size();
  text.resize(static_cast<size_t>(bytes));
  uint64_t state = mix(transaction, write);
  for (size_t at = head; at < text.size(); at += sizeof state) {
    state = state * 0x9fb21c651e98df25U + 0x2545f4914f6cdd1dU;
    const uint64_t word = state ^ (state >> 31U);
    std::memcpy(text.data() + at, &word, std::min(sizeof word, text.size() - at));
  }
  return text;
}

std::string Generator::event(uint64_t transaction, uint64_t write) {
  constexpr size_t kPeriod = 24;
  std::string text = value(transaction, write);
  if (one_in(2)) {
    for (size_t at = kPeriod; at < text.size(); ++at) {
      text[at] = text[at - kPeriod];
    }
  }
  return text;
}

std::string Generator::marker(uint64_t transaction) const {
  std::string key;
  append_big_endian(key, config_.scattered_ledger ? mix(transaction, 7) : transaction);
  return key;
}

}  // namespace holdfast::sim
