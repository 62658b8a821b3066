#include "format/projection_rows.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "base/little_endian.h"

namespace holdfast::format {

namespace {

constexpr size_t kGroupBytes = 8;
constexpr char kGroupGoesOn = 9;
constexpr size_t kProjectionRowBytes = 16;
constexpr size_t kStateRowBytes = 48;
constexpr size_t kTablesPrefixBytes = 11;
constexpr char kMarkKind = 'm';

template <class T>
void append_big(std::string& key, T number) {
  for (size_t byte = sizeof(T); byte > 0; --byte) {
    key += static_cast<char>(number >> (8 * (byte - 1)));
  }
}

// Pre: there are so many bytes.
template <class T>
T load_big(std::string_view bytes) {
  T number = 0;
  for (size_t at = 0; at < sizeof(T); ++at) {
    number = static_cast<T>(number << 8) | static_cast<unsigned char>(bytes[at]);
  }
  return number;
}

template <class T>
void append_little(std::string& row, T number) {
  std::array<std::byte, sizeof(T)> bytes{};
  store_le(bytes.data(), number);
  row += as_text(bytes);
}

template <class T>
T load_little(std::string_view bytes, size_t at) {
  return load_le<T>(as_bytes(bytes).data() + at);
}

std::string own_bucket(char kind) { return {kOwnBucketPrefix, kind}; }

void append_groups(std::string_view key, std::string& out) {
  CHECK(!key.empty());
  out.clear();
  while (true) {
    const std::string_view group = key.substr(0, kGroupBytes);
    key.remove_prefix(group.size());
    out += group;
    out.append(kGroupBytes - group.size(), '\0');
    out += key.empty() ? static_cast<char>(group.size()) : kGroupGoesOn;
    if (key.empty()) {
      return;
    }
  }
}

}  // namespace

std::string projections_bucket() { return own_bucket('p'); }

std::string projection_pins_bucket() { return own_bucket('q'); }

std::string generation_bucket(uint32_t projection_id, uint32_t generation) {
  std::string name = own_bucket('g');
  append_big(name, projection_id);
  append_big(name, generation);
  return name;
}

std::string tables_prefix(uint32_t projection_id, uint32_t generation, TableTree tree) {
  std::string name = own_bucket('t');
  append_big(name, projection_id);
  append_big(name, generation);
  name += static_cast<char>(tree);
  return name;
}

bool parse_table_bucket(std::string_view name, TableBucket& table) {
  if (name.size() <= kTablesPrefixBytes || !name.starts_with(own_bucket('t'))) {
    return false;
  }
  const char tree = name[kTablesPrefixBytes - 1];
  if (tree != static_cast<char>(TableTree::kCurrent) && tree != static_cast<char>(TableTree::kHistory)) {
    return false;
  }
  table = {.projection_id = load_big<uint32_t>(name.substr(2)),
           .generation = load_big<uint32_t>(name.substr(6)),
           .tree = TableTree{tree},
           .table = name.substr(kTablesPrefixBytes)};
  return true;
}

std::string mark_key(uint64_t position) {
  std::string key(1, kMarkKind);
  append_big(key, position);
  return key;
}

bool parse_mark_key(std::string_view key, uint64_t& position) {
  if (key.size() != 1 + sizeof position || key.front() != kMarkKind) {
    return false;
  }
  position = load_big<uint64_t>(key.substr(1));
  return true;
}

std::string pins_prefix(uint32_t projection_id) {
  std::string key;
  append_big(key, projection_id);
  return key;
}

std::string pin_key(uint32_t projection_id, std::string_view pin) { return pins_prefix(projection_id) += pin; }

void encode_version_key(std::string_view key, uint64_t created_at, std::string& out) {
  append_groups(key, out);
  append_big(out, created_at);
}

void encode_version_key_end(std::string_view key, std::string& out) {
  append_groups(key, out);
  out.append(sizeof(uint64_t) + 1, '\xff');
}

bool decode_version_key(std::string_view bytes, std::string& key, uint64_t& created_at) {
  key.clear();
  for (bool goes_on = true; goes_on;) {
    if (bytes.size() < kGroupBytes + 1) {
      return false;
    }
    const auto counted = static_cast<unsigned char>(bytes[kGroupBytes]);
    goes_on = counted == kGroupGoesOn;
    const size_t size = goes_on ? kGroupBytes : counted;
    if (size == 0 || size > kGroupBytes) {
      return false;
    }
    const std::string_view filling = bytes.substr(size, kGroupBytes - size);
    if (std::ranges::any_of(filling, [](char byte) { return byte != '\0'; })) {
      return false;
    }
    key += bytes.substr(0, size);
    bytes.remove_prefix(kGroupBytes + 1);
  }
  if (bytes.size() != sizeof created_at) {
    return false;
  }
  created_at = load_big<uint64_t>(bytes);
  return true;
}

uint64_t position_of(std::string_view version_key) {
  return load_big<uint64_t>(version_key.substr(version_key.size() - sizeof(uint64_t)));
}

std::string encode(const ProjectionRow& row) {
  std::string bytes;
  append_little(bytes, row.projection_id);
  append_little(bytes, row.generation);
  append_little(bytes, row.building);
  append_little(bytes, uint32_t{row.from_stream ? 1U : 0U});
  bytes += row.stream;
  return bytes;
}

bool decode(std::string_view bytes, ProjectionRow& row) {
  if (bytes.size() < kProjectionRowBytes) {
    return false;
  }
  const auto source = load_little<uint32_t>(bytes, 12);
  row = {.projection_id = load_little<uint32_t>(bytes, 0),
         .generation = load_little<uint32_t>(bytes, 4),
         .building = load_little<uint32_t>(bytes, 8),
         .from_stream = source == 1,
         .stream = std::string(bytes.substr(kProjectionRowBytes))};
  return source <= 1 && row.from_stream == !row.stream.empty() && row.projection_id != 0 && row.generation != 0 &&
         row.building != row.generation;
}

std::string encode(const StateRow& row) {
  std::string bytes;
  append_little(bytes, row.applied);
  bytes += as_text(row.hash);
  append_little(bytes, row.floor);
  return bytes;
}

bool decode(std::string_view bytes, StateRow& row) {
  if (bytes.size() != kStateRowBytes) {
    return false;
  }
  row.applied = load_little<uint64_t>(bytes, 0);
  std::memcpy(row.hash.data(), bytes.data() + 8, row.hash.size());
  row.floor = load_little<uint64_t>(bytes, 40);
  return row.floor <= row.applied && row.applied != kNeverDeleted;
}

std::string encode_position(uint64_t position) {
  std::string bytes;
  append_little(bytes, position);
  return bytes;
}

bool decode_position(std::string_view bytes, uint64_t& position) {
  if (bytes.size() != sizeof position) {
    return false;
  }
  position = load_little<uint64_t>(bytes, 0);
  return true;
}

void encode(const VersionRow& row, std::string& out) {
  out.clear();
  append_little(out, row.position);
  out += row.data;
}

bool decode(std::string_view bytes, VersionRow& row) {
  if (bytes.size() < sizeof row.position) {
    return false;
  }
  row.position = load_little<uint64_t>(bytes, 0);
  row.data = bytes.substr(sizeof row.position);
  return row.position != kNeverDeleted;
}

}  // namespace holdfast::format
