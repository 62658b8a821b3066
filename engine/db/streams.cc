#include "db/streams.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "db/stream_rows.h"
#include "format/stream_segment.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

std::span<const std::byte> padding_behind(uint64_t end) {
  static constexpr std::array<std::byte, format::kStreamUnitBytes> kZeros{};
  const uint64_t behind = end % format::kStreamUnitBytes;
  return std::span(kZeros).first(behind == 0 ? 0 : format::kStreamUnitBytes - behind);
}

// Whether zeros must follow the chunk: the next one of its file, or whatever comes later, begins in another unit.
bool pads_before(const log::Chunk* next, uint32_t file, uint64_t end) {
  return next == nullptr || (next->file == file && next->position != end);
}

Result<void> cut_off(File& file, uint64_t end) {
  HOLDFAST_TRY_ASSIGN(const uint64_t bytes, file.size());
  return bytes > end ? file.truncate(end) : Result<void>();
}

}  // namespace

Result<std::unique_ptr<Streams::Live>> Streams::load(PageReader& reader, const format::PageRef& root,
                                                     std::string_view name) const {
  HOLDFAST_TRY_ASSIGN(const auto stream_id, stream_rows::find_id(reader, root, name));
  if (!stream_id) {
    return nullptr;
  }
  auto live = std::make_unique<Live>();
  live->identity = {database_id_, *stream_id};
  live->name = name;
  HOLDFAST_TRY_ASSIGN(live->tail.head, stream_rows::head(reader, root, *stream_id));
  const format::HeadRow& head = live->tail.head;
  const uint64_t first_block = (head.segment_first + format::kBlockRecords - 1) / format::kBlockRecords;
  for (uint64_t block = first_block; block < head.next_offset / format::kBlockRecords; ++block) {
    HOLDFAST_TRY_ASSIGN(const format::NodeRow node,
                        stream_rows::node(reader, root, *stream_id, format::kBlockLevel, block));
    live->tail.index.push_back(node.position);
  }
  if (head.block_position != 0 && head.next_offset / format::kBlockRecords >= first_block) {
    live->tail.index.push_back(head.block_position);
  }
  return live;
}

Result<Streams::Live*> Streams::find(PageReader& reader, const format::PageRef& root, std::string_view name) {
  if (const auto found = by_name_.find(name); found != by_name_.end()) {
    return found->second.get();
  }
  HOLDFAST_TRY_ASSIGN(auto live, load(reader, root, name));
  if (!live) {
    return nullptr;
  }
  Live* const loaded = live.get();
  add(std::move(live));
  return loaded;
}

void Streams::add(std::unique_ptr<Live> live) {
  const sync::Lock lock(mutex_);
  by_id_.emplace(live->identity.stream_id, live.get());
  by_name_.emplace(live->name, std::move(live));
}

void Streams::keep(Live& live, log::Appender appender) {
  const sync::Lock lock(mutex_);
  std::move(appender).keep(live.tail);
}

void Streams::supersede(const std::vector<log::SegmentName>& files) {
  const sync::Lock lock(mutex_);
  superseded_.insert(superseded_.end(), files.begin(), files.end());
}

StreamFlush Streams::begin_flush() {
  StreamFlush flush;
  const sync::Lock lock(mutex_);
  flush.superseded = std::exchange(superseded_, {});
  for (const auto& [stream_id, live] : by_id_) {
    const auto& chunks = live->tail.chunks;
    for (size_t at = 0; at < chunks.size(); ++at) {
      const log::Chunk& chunk = *chunks[at];
      const log::Chunk* const next = at + 1 < chunks.size() ? chunks[at + 1].get() : nullptr;
      flush.writes.push_back({{stream_id, chunk.file, 0},
                              {&chunk, chunk.size},
                              pads_before(next, chunk.file, chunk.position + chunk.size)});
    }
    live->tail.cut = live->tail.cut || (!chunks.empty() && !PLANTED(kEventUnitShared));
  }
  return flush;
}

void Streams::extend(StreamFlush& flush, const Live& live, const log::Appender& appender) {
  const std::vector<log::ChunkPart> parts = appender.parts();
  // The first part may be of a chunk that is in the flush already, as far as it went before.
  std::vector<StreamFlush::Write> of_stream;
  std::erase_if(flush.writes, [&](StreamFlush::Write& write) {
    const bool is_ours = write.file.stream_id == live.identity.stream_id;
    if (is_ours && (parts.empty() || write.part.chunk != parts.front().chunk)) {
      of_stream.push_back(std::move(write));
    }
    return is_ours;
  });
  for (const log::ChunkPart& part : parts) {
    of_stream.push_back({{live.identity.stream_id, part.chunk->file, 0}, part, false});
  }
  for (size_t at = 0; at < of_stream.size(); ++at) {
    const log::ChunkPart& part = of_stream[at].part;
    const log::Chunk* const next = at + 1 < of_stream.size() ? of_stream[at + 1].part.chunk : nullptr;
    of_stream[at].pads = pads_before(next, part.chunk->file, part.chunk->position + part.size);
  }
  flush.writes.insert(flush.writes.end(), std::make_move_iterator(of_stream.begin()),
                      std::make_move_iterator(of_stream.end()));
}

Result<void> Streams::write(const StreamFlush& flush) {
  bool created = false;
  uint64_t bytes = 0;
  for (size_t at = 0; at < flush.writes.size();) {
    const log::SegmentName& name = flush.writes[at].file;
    const bool is_new = flush.writes[at].part.chunk->position == 0;
    const std::string file_name = log::segment_file_name(name);
    auto opened = directory_.open_file(file_name, is_new ? OpenMode::kCreate : OpenMode::kReadWrite);
    if (!is_new && !opened && opened.error().code() == ErrorCode::kNotFound) {
      // Somebody took it away. The records in it are lost, and without its header nothing in it can be read, which
      // `verify` says. All else goes on.
      opened = directory_.open_file(file_name, OpenMode::kCreate);
      created = true;
    }
    HOLDFAST_TRY_ASSIGN(const auto file, std::move(opened));
    // A checkpoint that came to nothing may have been here. Events of another history are sound in themselves: they
    // must not come to light where a later write is lost.
    HOLDFAST_TRY(cut_off(*file, flush.writes[at].part.chunk->position));
    created = created || is_new;
    for (; at < flush.writes.size() && flush.writes[at].file == name; ++at) {
      const auto& [_, part, pads] = flush.writes[at];
      HOLDFAST_TRY(file->write_at(part.chunk->position, part.bytes()));
      bytes += part.size;
      const uint64_t end = part.chunk->position + part.size;
      if (const auto padding = padding_behind(end); pads && !padding.empty()) {
        HOLDFAST_TRY(file->write_at(end, padding));
        bytes += padding.size();
      }
    }
    HOLDFAST_TRY(PLANTED(kEventSync) ? Result<void>() : file->sync());
  }
  {
    const sync::Lock lock(mutex_);
    bytes_written_ += bytes;
  }
  return created && !PLANTED(kEventFileNameSync) ? directory_.sync() : Result<void>();
}

void Streams::end_flush(const StreamFlush& flush, bool is_durable) {
  if (!is_durable && !PLANTED(kSupersededEarly)) {
    const sync::Lock lock(mutex_);
    superseded_.insert(superseded_.end(), flush.superseded.begin(), flush.superseded.end());
    return;
  }
  {
    const sync::Lock lock(mutex_);
    for (const StreamFlush::Write& write : flush.writes) {
      const auto live = by_id_.find(write.file.stream_id);
      CHECK(live != by_id_.end());
      std::erase_if(live->second->tail.chunks, [&](const auto& chunk) { return chunk.get() == write.part.chunk; });
      live->second->tail.cut = live->second->tail.cut || live->second->tail.chunks.empty();
    }
  }
  for (const log::SegmentName& name : flush.superseded) {
    // One that stays is removed by the next open.
    static_cast<void>(directory_.remove(log::segment_file_name(name)));
  }
}

std::optional<log::ChunkCopy> Streams::tail_at(uint64_t stream_id, uint64_t offset) const {
  const sync::Lock lock(mutex_);
  const auto live = by_id_.find(stream_id);
  if (live == by_id_.end()) {
    return std::nullopt;
  }
  const auto& chunks = live->second->tail.chunks;
  const auto first_of = [](const auto& chunk) { return chunk->first_offset; };
  const auto behind = std::ranges::upper_bound(chunks, offset, {}, first_of);
  // A chunk without records holds a footer; the one that begins with its offset comes behind it.
  if (behind == chunks.begin()) {
    return std::nullopt;
  }
  const log::Chunk& chunk = **std::prev(behind);
  if (offset >= chunk.next_offset) {
    return std::nullopt;
  }
  const std::span<const std::byte> records = std::span(chunk.data.get(), chunk.size).subspan(chunk.records_at);
  return log::ChunkCopy{.file = chunk.file,
                        .position = chunk.position + chunk.records_at,
                        .first_offset = chunk.first_offset,
                        .next_offset = chunk.next_offset,
                        .records = {records.begin(), records.end()}};
}

std::optional<uint64_t> Streams::tail_begin(uint64_t stream_id) const {
  const sync::Lock lock(mutex_);
  const auto live = by_id_.find(stream_id);
  if (live == by_id_.end() || live->second->tail.chunks.empty()) {
    return std::nullopt;
  }
  return live->second->tail.chunks.front()->first_offset;
}

uint64_t Streams::tail_bytes() const {
  const sync::Lock lock(mutex_);
  uint64_t bytes = 0;
  for (const auto& [_, live] : by_id_) {
    for (const auto& chunk : live->tail.chunks) {
      bytes += chunk->size;
    }
  }
  return bytes;
}

uint64_t Streams::bytes_written() const {
  const sync::Lock lock(mutex_);
  return bytes_written_;
}

uint64_t Streams::growth() const {
  const sync::Lock lock(growth_mutex_);
  return growth_;
}

void Streams::tell_growth() {
  const sync::Lock lock(growth_mutex_);
  ++growth_;
  grown_.notify_all();
}

bool Streams::wait_for_growth(uint64_t seen, uint64_t duration_ns) const {
  sync::Lock lock(growth_mutex_);
  return growth_ != seen || sync::wait_for(grown_, lock, duration_ns);
}

Result<void> Streams::remove_unnamed(PageReader& reader, const format::PageRef& root) {
  std::set<log::SegmentName> named;
  HOLDFAST_TRY_ASSIGN(const auto streams, stream_rows::list(reader, root));
  for (const stream_rows::Name& stream : streams) {
    HOLDFAST_TRY_ASSIGN(const auto segments, stream_rows::segments(reader, root, stream.stream_id));
    for (const stream_rows::Segment& segment : segments) {
      named.insert({stream.stream_id, segment.row.file, segment.row.revision});
    }
  }
  HOLDFAST_TRY_ASSIGN(const std::vector<std::string> files, directory_.list());
  bool removed = false;
  for (const std::string& file : files) {
    const auto name = log::parse_segment_file_name(file);
    if (name && !named.contains(*name)) {
      HOLDFAST_TRY(directory_.remove(file));
      removed = true;
    }
  }
  return removed ? directory_.sync() : Result<void>();
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
