#include "db/stream_stage.h"

#include <utility>
#include <vector>

#include "tree/tree.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

Result<StreamStage::Staged*> StreamStage::stage(const std::string& name, uint64_t& next_id) {
  if (const auto found = appends_.find(name); found != appends_.end()) {
    return &found->second;
  }
  Staged staged;
  HOLDFAST_TRY_ASSIGN(staged.live, streams_.find(writer_.reader(), base_.streams, name));
  if (staged.live == nullptr) {
    staged.fresh = std::make_unique<Streams::Live>();
    staged.live = staged.fresh.get();
    staged.live->identity = {streams_.database_id(), next_id++};
    staged.live->name = name;
    rows_.insert_or_assign(format::stream_name_key(name), format::encode_stream_id(staged.live->identity.stream_id));
  }
  staged.appender = std::make_unique<log::Appender>(staged.live->identity, staged.live->tail);
  return &appends_.emplace(name, std::move(staged)).first->second;
}

Result<void> StreamStage::append(WriteSet& writes, uint64_t& next_id) {
  if (!writes.stream_rows().empty()) {
    // In the order of the commits: upkeep changes rows of segments that were sealed before it.
    take_rows();
    for (const auto& [key, value] : writes.stream_rows()) {
      rows_.insert_or_assign(key, value);
    }
  }
  for (uint32_t index = 0; index < writes.stream_count(); ++index) {
    StreamWrites& stream = writes.stream(index);
    if (stream.empty()) {
      continue;
    }
    HOLDFAST_TRY_ASSIGN(Staged* const staged, stage(stream.name, next_id));
    stream.first_offset = staged->appender->next_offset();
    for (const log::PreparedEvent& event : stream.events) {
      staged->appender->append(event, stream.segment_bytes);
    }
    if (stream.seals) {
      staged->appender->seal();
    }
  }
  return {};
}

void StreamStage::take_rows() {
  for (const auto& [_, staged] : appends_) {
    for (auto& [key, value] : staged.appender->take_rows()) {
      rows_.insert_or_assign(key, std::move(value));
    }
  }
}

Result<format::PageRef> StreamStage::finish() {
  take_rows();
  std::vector<tree::Op> batch;
  batch.reserve(rows_.size());
  for (const auto& [key, value] : rows_) {
    batch.push_back({key, value ? std::optional<std::string_view>(*value) : std::nullopt});
  }
  return tree::apply(writer_, base_.streams, batch);
}

StreamFlush StreamStage::flush() const {
  StreamFlush flush = streams_.begin_flush();
  for (const auto& [_, staged] : appends_) {
    Streams::extend(flush, *staged.live, *staged.appender);
  }
  return flush;
}

void StreamStage::keep() {
  for (auto& [_, staged] : appends_) {
    log::Appender appender = std::move(*staged.appender);
    streams_.keep(*staged.live, std::move(appender));
    if (staged.fresh) {
      streams_.add(std::move(staged.fresh));
    }
  }
  appends_.clear();
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
