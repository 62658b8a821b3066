#include "sim/trace.h"

#include "base/crc32c.h"
#include "sim/random.h"

namespace holdfast::sim {

namespace {

// How an event reads: its name, whether `a` is a file, and labels for the arguments (null: not shown).
struct EventText {
  const char* name;
  bool first_is_file;
  std::array<const char*, 3> labels;
};

constexpr std::array<EventText, static_cast<size_t>(EventKind::kCount)> kEventTexts = {{
    {"read", true, {"file", "offset", "bytes"}},
    {"write", true, {"file", "offset", "bytes"}},
    {"sync", true, {"file", "error", nullptr}},
    {"size", true, {"file", "bytes", nullptr}},
    {"truncate", true, {"file", "bytes", "error"}},
    {"allocate", true, {"file", "offset", "bytes"}},
    {"open", true, {"file", "mode", "error"}},
    {"close", true, {"file", nullptr, nullptr}},
    {"rename", true, {"file", "error", nullptr}},
    {"remove", true, {"file", "error", nullptr}},
    {"list", false, {"count", nullptr, nullptr}},
    {"sync_directory", false, {"directory", "error", nullptr}},
    {"lock", true, {"file", "mode", "error"}},
    {"unlock", true, {"file", nullptr, nullptr}},
    {"open_directory", false, {"directory", "error", nullptr}},
    {"fault", true, {"file", "kind", "at"}},
    {"power_cut", false, {"crash", nullptr, nullptr}},
    {"process_kill", false, {nullptr, nullptr, nullptr}},
    {"evict", true, {"file", nullptr, nullptr}},
    {"damage", true, {"file", "offset", "kind"}},
    {"spawn", false, {"fiber", nullptr, nullptr}},
    {"exit", false, {"fiber", nullptr, nullptr}},
    {"switch", false, {"to", "reason", nullptr}},
    {"block", false, {"on", nullptr, nullptr}},
    {"wake", false, {"fiber", nullptr, nullptr}},
    {"sleep", false, {"ns", nullptr, nullptr}},
    {"operation", false, {"kind", "id", "argument"}},
    {"result", false, {"id", "code", "csn"}},
    {"probe", false, {"number", nullptr, nullptr}},
    {"recovered", false, {"csn", nullptr, nullptr}},
    {"note", false, {"a", "b", "c"}},
}};

}  // namespace

std::string_view name_of(EventKind kind) { return kEventTexts[static_cast<size_t>(kind)].name; }

uint64_t trace_hash(std::span<const std::byte> bytes) { return crc32c(bytes); }
uint64_t trace_hash(std::string_view text) {
  return crc32c({reinterpret_cast<const std::byte*>(text.data()), text.size()});
}

void Trace::event(EventKind kind, uint64_t a, uint64_t b, uint64_t c, uint64_t data_hash) {
  ++event_count_;
  const uint64_t head = (static_cast<uint64_t>(kind) << 32U) | fiber_;
  lanes_[0] = mix(lanes_[0] ^ a, mix(head, b));
  lanes_[1] = mix(lanes_[1] ^ data_hash, lanes_[0] ^ c);
  if (output_ != nullptr) {
    print(kind, {a, b, c}, data_hash);
  }
  if (observer_ != nullptr) {
    observer_->event(event_count_, fiber_, kind, {a, b, c});
  }
}

void Trace::note(std::string_view text) {
  if (output_ != nullptr) {
    std::fprintf(output_, "%8llu f%-2u # %.*s\n", static_cast<unsigned long long>(event_count_), fiber_,
                 static_cast<int>(text.size()), text.data());
  }
  if (observer_ != nullptr) {
    observer_->note(event_count_, text);
  }
}

void Trace::name_file(uint64_t id, std::string_view name) {
  if (output_ != nullptr) {
    file_names_[id] = name;
  }
  if (observer_ != nullptr) {
    observer_->file_named(id, name);
  }
}

void Trace::print(EventKind kind, const std::array<uint64_t, 3>& arguments, uint64_t data_hash) const {
  const EventText& text = kEventTexts[static_cast<size_t>(kind)];
  std::fprintf(output_, "%8llu f%-2u %-14s", static_cast<unsigned long long>(event_count_), fiber_, text.name);
  for (size_t index = 0; index < arguments.size(); ++index) {
    const char* label = text.labels[index];
    if (label == nullptr) {
      continue;
    }
    if (index == 0 && text.first_is_file) {
      const auto found = file_names_.find(arguments[0]);
      if (found != file_names_.end()) {
        std::fprintf(output_, " %s#%llu", found->second.c_str(), static_cast<unsigned long long>(arguments[0]));
        continue;
      }
    }
    std::fprintf(output_, " %s=%llu", label, static_cast<unsigned long long>(arguments[index]));
  }
  if (data_hash != 0) {
    std::fprintf(output_, " hash=%llx", static_cast<unsigned long long>(data_hash));
  }
  std::fprintf(output_, "\n");
}

}  // namespace holdfast::sim
