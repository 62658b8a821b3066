// Point reads: one Guard, one page per level, no copy of the key.
#include "format/leaf.h"
#include "tree/descent.h"
#include "tree/tree.h"

namespace holdfast::tree {
namespace {

struct Found {
  const std::byte* page = nullptr;
  format::LeafValue value;
};

// The row with this key; page is null if there is none. Pre: inside a Guard, root is not null.
Result<Found> find_row(PageReader& reader, const format::PageRef& root, std::string_view key) {
  Descent way(reader);
  HOLDFAST_TRY(way.start(root));
  while (!way.arrived()) {
    way.choose(key);
    HOLDFAST_TRY(way.move());
  }
  const format::LeafView leaf(way.leaf(), reader.page_bytes());
  const std::optional<uint32_t> index = leaf.find(key);
  if (!index) {
    return Found{};
  }
  return Found{.page = way.leaf(), .value = leaf.value(*index)};
}

}  // namespace

Result<std::optional<std::string_view>> get(PageReader& reader, const format::PageRef& root, std::string_view key) {
  if (root.is_null()) {
    return std::nullopt;
  }
  format::OverflowRef overflow;
  {
    const PageReader::Guard guard(reader);
    auto found = find_row(reader, root, key);
    if (!found) [[unlikely]] {
      return fail(std::move(found).error());
    }
    if (found->page == nullptr) {
      return std::nullopt;
    }
    if (!found->value.overflow) [[likely]] {
      reader.hold(found->page);
      return found->value.bytes;
    }
    overflow = *found->value.overflow;
  }
  HOLDFAST_TRY_ASSIGN(const std::string_view value, reader.read_overflow(overflow));
  return value;
}

Result<bool> get(PageReader& reader, const format::PageRef& root, std::string_view key, std::string& value) {
  if (root.is_null()) {
    return false;
  }
  format::OverflowRef overflow;
  {
    const PageReader::Guard guard(reader);
    auto found = find_row(reader, root, key);
    if (!found) [[unlikely]] {
      return fail(std::move(found).error());
    }
    if (found->page == nullptr) {
      return false;
    }
    if (!found->value.overflow) [[likely]] {
      value.assign(found->value.bytes);
      return true;
    }
    overflow = *found->value.overflow;
  }
  HOLDFAST_TRY(reader.read_overflow(overflow, value));
  return true;
}

Result<bool> contains(PageReader& reader, const format::PageRef& root, std::string_view key) {
  if (root.is_null()) {
    return false;
  }
  const PageReader::Guard guard(reader);
  auto found = find_row(reader, root, key);
  if (!found) [[unlikely]] {
    return fail(std::move(found).error());
  }
  return found->page != nullptr;
}

}  // namespace holdfast::tree
