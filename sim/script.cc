#include "sim/script.h"

#include <algorithm>
#include <array>

#include "sim/trace.h"

namespace holdfast::sim {

namespace {

constexpr std::array<std::string_view, static_cast<size_t>(Action::kCount)> kActionNames = {"transaction",
                                                                                            "exec",
                                                                                            "exec_bucket",
                                                                                            "view",
                                                                                            "keep_snapshot",
                                                                                            "read_snapshot",
                                                                                            "drop_snapshot",
                                                                                            "single_put",
                                                                                            "single_erase",
                                                                                            "single_get",
                                                                                            "bulk",
                                                                                            "clear",
                                                                                            "bad_argument",
                                                                                            "check",
                                                                                            "checkpoint",
                                                                                            "wait_durable",
                                                                                            "append_batch",
                                                                                            "read_stream",
                                                                                            "prove",
                                                                                            "wait_stream",
                                                                                            "seal_stream",
                                                                                            "redact",
                                                                                            "trim",
                                                                                            "compact_stream",
                                                                                            "follow",
                                                                                            "apply_batches",
                                                                                            "read_projection",
                                                                                            "rebuild",
                                                                                            "prune",
                                                                                            "pin",
                                                                                            "purge_table",
                                                                                            "drop_projection",
                                                                                            "pin_state"};
constexpr std::array<std::string_view, static_cast<size_t>(Move::kCount)> kMoveNames = {
    "put",          "insert",    "update",      "erase",  "erase_range",   "get",
    "contains",     "scan",      "prefix",      "walk",   "create_bucket", "drop_bucket",
    "list_buckets", "savepoint", "rollback_to", "append", "stream_head"};
constexpr std::array<std::string_view, kChoreCount> kChoreNames = {"check_opened", "check_reopened", "check_rest",
                                                                   "damage_open",  "close",          "damage_closed"};
constexpr std::array<std::string_view, 4> kImageNames = {"drawn", "everything", "nothing", "only"};

static_assert(!kActionNames.back().empty() && !kMoveNames.back().empty());

template <class T, size_t kSize>
std::optional<T> named(const std::array<std::string_view, kSize>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  return found == names.end() ? std::nullopt : std::optional(static_cast<T>(found - names.begin()));
}

}  // namespace

std::string_view name_of(Action action) { return kActionNames[static_cast<size_t>(action)]; }
std::string_view name_of(Move move) { return kMoveNames[static_cast<size_t>(move)]; }
std::string_view name_of(Chore chore) { return kChoreNames[static_cast<size_t>(chore)]; }
// Those of the trace (sim_env.cc asserts that they are the same).
std::string_view name_of(IoKind kind) { return name_of(static_cast<EventKind>(kind)); }
std::string_view name_of(CutImage::Kind image) { return kImageNames[static_cast<size_t>(image)]; }
std::optional<Action> action_named(std::string_view name) { return named<Action>(kActionNames, name); }
std::optional<Move> move_named(std::string_view name) { return named<Move>(kMoveNames, name); }
std::optional<Chore> chore_named(std::string_view name) { return named<Chore>(kChoreNames, name); }
std::optional<IoKind> io_kind_named(std::string_view name) {
  for (size_t kind = 0; kind <= static_cast<size_t>(IoKind::kOpenDirectory); ++kind) {
    if (name_of(static_cast<IoKind>(kind)) == name) {
      return static_cast<IoKind>(kind);
    }
  }
  return std::nullopt;
}
std::optional<CutImage::Kind> cut_image_named(std::string_view name) {
  return named<CutImage::Kind>(kImageNames, name);
}

}  // namespace holdfast::sim
