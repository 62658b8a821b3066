#include "wal/slot_file.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/planted.h"

namespace holdfast::wal {

namespace {

constexpr std::string_view kPrefix = "wal-";
constexpr size_t kLaneDigits = 2;
constexpr size_t kSlotDigits = 4;
constexpr size_t kNameBytes = kPrefix.size() + kLaneDigits + 1 + kSlotDigits;
constexpr uint32_t kZeroBytes = 64 * 1024;
static_assert(format::kSegmentBytesMin % kZeroBytes == 0);

std::string padded(uint16_t value, size_t digits) {
  const std::string text = std::to_string(value);
  return std::string(digits - text.size(), '0') + text;
}

// Pre: few enough digits for uint16_t.
std::optional<uint16_t> parse_number(std::string_view digits) {
  uint32_t value = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') {
      return std::nullopt;
    }
    value = value * 10 + static_cast<uint32_t>(digit - '0');
  }
  return static_cast<uint16_t>(value);
}

Result<void> fill_with_zeros(Directory& directory, const std::string& name, uint32_t segment_bytes) {
  HOLDFAST_TRY_ASSIGN(const auto file, directory.open_file(name, OpenMode::kCreate));
  HOLDFAST_TRY(file->truncate(0));
  HOLDFAST_TRY(file->allocate(0, segment_bytes));
  static constexpr std::array<std::byte, kZeroBytes> kZeros{};
  for (uint64_t offset = 0; offset < segment_bytes; offset += kZeroBytes) {
    HOLDFAST_TRY(file->write_at(offset, kZeros));
  }
  return file->sync();
}

}  // namespace

std::string slot_file_name(uint16_t lane, uint16_t slot) {
  CHECK(lane < format::kLanesMax && slot < format::kSlotsMax);
  std::string name(kPrefix);
  name += padded(lane, kLaneDigits);
  name += '-';
  name += padded(slot, kSlotDigits);
  return name;
}

std::optional<SlotName> parse_slot_file_name(std::string_view name) {
  if (name.size() != kNameBytes || !name.starts_with(kPrefix) || name[kPrefix.size() + kLaneDigits] != '-') {
    return std::nullopt;
  }
  const auto lane = parse_number(name.substr(kPrefix.size(), kLaneDigits));
  const auto slot = parse_number(name.substr(kPrefix.size() + kLaneDigits + 1));
  if (!lane || !slot || *lane >= format::kLanesMax || *slot >= format::kSlotsMax) {
    return std::nullopt;
  }
  return SlotName{*lane, *slot};
}

Result<std::vector<uint16_t>> list_slots(Directory& directory, uint16_t lane) {
  HOLDFAST_TRY_ASSIGN(const auto names, directory.list());
  std::vector<uint16_t> slots;
  for (const std::string& name : names) {
    const auto parsed = parse_slot_file_name(name);
    if (parsed && parsed->lane == lane) {
      slots.push_back(parsed->slot);
    }
  }
  std::ranges::sort(slots);
  return slots;
}

Result<void> create_slot(Directory& directory, uint16_t lane, uint16_t slot, uint32_t segment_bytes) {
  CHECK(format::is_segment_size(segment_bytes));
  const std::string name = slot_file_name(lane, slot);
  auto filled = fill_with_zeros(directory, name, segment_bytes);
  if (!filled) {
    // The error to report is the first one. A file that stays is overwritten or removed by whoever comes next.
    static_cast<void>(directory.remove(name));
  }
  return filled;
}

Result<std::unique_ptr<File>> start_segment(Directory& directory, const format::SegmentHeader& header) {
  HOLDFAST_TRY_ASSIGN(auto file, directory.open_file(slot_file_name(header.lane, header.slot), OpenMode::kReadWrite));
  HOLDFAST_TRY(file->write_at(0, format::encode_segment_header(header)));
  if (!PLANTED(kSegmentHeaderSync)) {
    HOLDFAST_TRY(file->sync());
  }
  return file;
}

Result<void> remove_lane(Directory& directory, uint16_t lane) {
  HOLDFAST_TRY_ASSIGN(const auto slots, list_slots(directory, lane));
  for (const uint16_t slot : slots) {
    HOLDFAST_TRY(directory.remove(slot_file_name(lane, slot)));
  }
  return {};
}

}  // namespace holdfast::wal
