#include "sim/io_trace.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"

namespace holdfast::sim {

using Kind = TracedOperation::Kind;

std::string describe(const TracedOperation& operation) {
  constexpr std::array<std::string_view, 12> kNames = {"make directory", "create",   "open",           "close",
                                                       "write",          "truncate", "allocate",       "rename",
                                                       "remove",         "sync",     "sync directory", "mark"};
  std::string text(kNames.at(static_cast<size_t>(operation.kind)));
  if (!operation.name.empty()) {
    text += " " + operation.name;
  }
  switch (operation.kind) {
    case Kind::kWrite: return text + fmt::format(" (offset {}, {} bytes)", operation.offset, operation.data.size());
    case Kind::kTruncate: return text + fmt::format(" (to {} bytes)", operation.bytes);
    case Kind::kAllocate: return text + fmt::format(" (offset {}, {} bytes)", operation.offset, operation.bytes);
    case Kind::kRename: return text + " to " + operation.to;
    case Kind::kMark: return text + fmt::format(" {}", operation.mark);
    default: return text;
  }
}

size_t IoTrace::add(TracedOperation operation) {
  const std::scoped_lock lock(mutex_);
  operations_.push_back(std::move(operation));
  return operations_.size();
}

size_t IoTrace::size() const {
  const std::scoped_lock lock(mutex_);
  return operations_.size();
}

void IoTrace::lost(std::string_view why) {
  const std::scoped_lock lock(mutex_);
  if (lost_by_.empty()) {
    lost_by_ = why;
  }
}

TracePlayer::TracePlayer(const IoTrace& trace, std::set<size_t> left_out)
    : trace_(trace), left_out_(std::move(left_out)) {
  CHECK(trace.lost_by().empty());
}

void TracePlayer::sync(const TracedOperation& operation) {
  const Sequence until = operation.covers == 0 ? 0 : moments_[operation.covers - 1];
  if (operation.kind == Kind::kSync) {
    disk_.sync(file(operation), until, Decisions(0));
  } else {
    disk_.sync_directory(0, until);
  }
}

const TracedOperation& TracePlayer::step() {
  const TracedOperation& operation = trace_.operations()[next_];
  switch (operation.kind) {
    case Kind::kMakeDirectory: disk_.make_directory(kPath); break;
    case Kind::kCreate:
      CHECK(operation.file == files_.size());
      files_.push_back(disk_.create(0, operation.name));
      break;
    case Kind::kOpen: disk_.open(file(operation)); break;
    case Kind::kClose: disk_.close(file(operation)); break;
    case Kind::kWrite: disk_.write(file(operation), operation.offset, as_bytes(operation.data)); break;
    case Kind::kTruncate: disk_.truncate(file(operation), operation.bytes); break;
    case Kind::kAllocate: disk_.allocate(file(operation), operation.offset, operation.bytes); break;
    case Kind::kRename: disk_.rename(0, operation.name, operation.to); break;
    case Kind::kRemove: disk_.remove(0, operation.name); break;
    case Kind::kSync:
    case Kind::kSyncDirectory:
      if (!left_out_.contains(next_)) {
        sync(operation);
      }
      break;
    case Kind::kMark: break;
  }
  moments_.push_back(disk_.moment());
  ++next_;
  return operation;
}

std::string TracePlayer::change_name(Sequence change) const {
  const auto found = std::ranges::lower_bound(moments_, change);
  CHECK(found != moments_.end());
  return describe(trace_.operations()[static_cast<size_t>(found - moments_.begin())]);
}

}  // namespace holdfast::sim
