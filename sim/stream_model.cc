#include "sim/stream_model.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

namespace holdfast::sim {

namespace {

// Streams and buckets take their ids from one counter.
constexpr uint64_t kStreamIdsMax = 20'000;
constexpr size_t kTrustedMax = 8;
// The Merkle root of a larger stream is computed for some of its sizes only.
constexpr uint64_t kSmallTree = 512;
constexpr uint64_t kLargeTreeOneIn = 8;

using Kind = StreamWrite::Kind;

}  // namespace

StreamId StreamModel::stream(std::string_view name) {
  if (const auto found = ids_.find(name); found != ids_.end()) {
    return found->second;
  }
  const auto id = static_cast<StreamId>(streams_.size());
  streams_.emplace_back().name = name;
  ids_.emplace(name, id);
  return id;
}

void StreamModel::begin(const TxnLog& transaction) {
  for (const StreamWrite& write : transaction.stream_writes) {
    Stream& stream = streams_[write.stream];
    if (write.kind == Kind::kTrim) {
      stream.trim_begun = std::max(stream.trim_begun, write.offset);
    } else if (write.kind == Kind::kRedact) {
      stream.redact_begun.insert(write.offset);
    }
  }
}

Verdict StreamModel::apply(const TxnLog& transaction, uint64_t csn) {
  Verdict verdict;
  const auto object = [&](const Stream& stream, const std::string& what) {
    if (!verdict) {
      verdict = fmt::format("commit {} ({}) on stream \"{}\": {}", csn, transaction.who, stream.name, what);
    }
  };
  std::map<StreamId, uint64_t> expected;
  for (const StreamWrite& write : transaction.stream_writes) {
    if (write.kind == Kind::kExpect) {
      expected[write.stream] = write.offset;
    }
  }
  for (const auto& [id, offset] : expected) {
    if (streams_[id].records.size() != offset) {
      object(streams_[id], fmt::format("it expected {} records, and was not refused, although there are {}", offset,
                                       streams_[id].records.size()));
    }
  }
  for (const StreamWrite& write : transaction.stream_writes) {
    Stream& stream = streams_[write.stream];
    switch (write.kind) {
      case Kind::kAppend:
        if (&write == transaction.stream_writes.data() && transaction.told_offset &&
            *transaction.told_offset != stream.records.size()) {
          object(stream, fmt::format("its first event was said to be record {}, expected {}", *transaction.told_offset,
                                     stream.records.size()));
        }
        stream.records.push_back({csn, write.event});
        break;
      case Kind::kRedact: stream.redactions.emplace_back(csn, write.offset); break;
      case Kind::kTrim: {
        const Floor old = stream.trims.empty() ? Floor{} : stream.trims.back().floor;
        Floor floor{old.least + 1, std::min<uint64_t>(write.offset, stream.records.size())};
        if (transaction.told_offset) {
          if (*transaction.told_offset < floor.least || *transaction.told_offset > floor.most) {
            object(stream,
                   fmt::format("a trim before {} said that {} is the oldest record left; it was {} to {} before",
                               write.offset, *transaction.told_offset, old.least, old.most));
          }
          floor = {*transaction.told_offset, *transaction.told_offset};
        }
        stream.trims.push_back({csn, floor});
        break;
      }
      case Kind::kExpect:
      case Kind::kTidy: break;
    }
  }
  return verdict;
}

void StreamModel::undo(uint64_t csn) {
  for (Stream& stream : streams_) {
    while (!stream.records.empty() && stream.records.back().csn == csn) {
      stream.records.pop_back();
    }
    while (!stream.trims.empty() && stream.trims.back().csn == csn) {
      stream.trims.pop_back();
    }
    while (!stream.redactions.empty() && stream.redactions.back().first == csn) {
      stream.redactions.pop_back();
    }
    stream.chain.resize(std::min(stream.chain.size(), stream.records.size()));
  }
}

void StreamModel::settle(const std::vector<StreamContents>& contents, uint64_t csn) {
  for (Stream& stream : streams_) {
    stream.trim_begun = 0;
    stream.redact_begun.clear();
    for (const auto& [_, offset] : stream.redactions) {
      stream.redact_begun.insert(offset);
    }
  }
  for (const StreamContents& each : contents) {
    Stream& stream = streams_[each.stream];
    stream.trim_begun = each.first_offset;
    if (!stream.trims.empty() && stream.trims.back().csn <= csn) {
      stream.trims.back().floor = {each.first_offset, each.first_offset};
    }
    trust(each.stream, {each.next_offset, each.chain_hash, each.root});
  }
}

void StreamModel::trust(StreamId id, const TrustedHead& head) {
  std::vector<TrustedHead>& trusted = streams_[id].trusted;
  if (head.size == 0 || std::ranges::find(trusted, head.size, &TrustedHead::size) != trusted.end()) {
    return;
  }
  if (trusted.size() < kTrustedMax) {
    trusted.push_back(head);
  } else {
    trusted[head.size % kTrustedMax] = head;
  }
}

uint64_t StreamModel::size(StreamId id, uint64_t csn) const {
  const std::vector<Record>& records = streams_[id].records;
  if (records.empty() || records.back().csn <= csn) {
    return records.size();
  }
  return static_cast<uint64_t>(std::ranges::upper_bound(records, csn, {}, &Record::csn) - records.begin());
}

StreamModel::Floor StreamModel::floor(StreamId id, uint64_t csn) const {
  for (const Trim& trim : std::views::reverse(streams_[id].trims)) {
    if (trim.csn <= csn) {
      return trim.floor;
    }
  }
  return {};
}

uint64_t StreamModel::streams(uint64_t csn) const {
  uint64_t count = 0;
  for (StreamId id = 0; id < streams_.size(); ++id) {
    count += size(id, csn) > 0 ? 1U : 0U;
  }
  return count;
}

uint64_t StreamModel::records(uint64_t csn) const {
  uint64_t count = 0;
  for (StreamId id = 0; id < streams_.size(); ++id) {
    count += size(id, csn) - floor(id, csn).least;
  }
  return count;
}

bool StreamModel::is_redacted(const Stream& stream, uint64_t offset, uint64_t csn) const {
  return std::ranges::any_of(
      stream.redactions, [&](const auto& redaction) { return redaction.first <= csn && redaction.second == offset; });
}

Verdict StreamModel::judge_record(const Stream& stream, uint64_t offset, const SeenRecord& seen, uint64_t csn,
                                  bool exactly) const {
  const Record& record = stream.records[offset];
  const auto object = [&](const std::string& what) {
    return fmt::format("record {} of stream \"{}\" {}, expected {} (appended by commit {})", offset, stream.name, what,
                       record.event.payload.to_string(), record.csn);
  };
  if (seen.payload_bytes != record.event.payload.bytes) {
    return object(fmt::format("has {} bytes", seen.payload_bytes));
  }
  const bool is_redacted_here = is_redacted(stream, offset, csn);
  if (!seen.redacted && is_redacted_here) {
    return object("is not redacted") + ", which was redacted";
  }
  if (seen.redacted) {
    const bool may_be = is_redacted_here || (!exactly && stream.redact_begun.contains(offset));
    return may_be ? std::nullopt : Verdict(object("is redacted") + ", which nobody redacted");
  }
  return seen.payload == record.event.payload ? std::nullopt : Verdict(object("is " + seen.payload.to_string()));
}

Verdict StreamModel::judge_head(const Step& step, uint64_t csn) const {
  const Stream& stream = streams_[step.bucket];
  const uint64_t next = size(step.bucket, csn);
  const Floor first = floor(step.bucket, csn);
  const bool begins_there = step.offset == kUnknownOffset || (first.least <= step.offset && step.offset <= first.most);
  if (step.limit == next && begins_there) {
    return std::nullopt;
  }
  return fmt::format(
      "the head of stream \"{}\" was {} to {}, expected {} to {}", stream.name, step.offset, step.limit,
      first.least == first.most ? std::to_string(first.least) : fmt::format("{} or up to {}", first.least, first.most),
      next);
}

Verdict StreamModel::judge_read(const Step& step, uint64_t csn) const {
  const Stream& stream = streams_[step.bucket];
  const uint64_t end = size(step.bucket, csn);
  const auto object = [&](const std::string& what) {
    return fmt::format("a read of stream \"{}\" from {} {}", stream.name, step.offset, what);
  };
  if (!step.found) {
    const bool may_be = may_be_trimmed(step.bucket, step.offset) || step.offset < floor(step.bucket, csn).most;
    return may_be ? std::nullopt : Verdict(object("answered that it was trimmed, which nobody asked for"));
  }
  uint64_t next = step.offset;
  uint64_t bytes = 0;
  for (const SeenRecord& seen : step.records) {
    if (next >= end) {
      return object(fmt::format("gave record {}, expected an end at {}", next, end));
    }
    if (Verdict verdict = judge_record(stream, next, seen, csn, false)) {
      return verdict;
    }
    bytes += seen.redacted ? 0 : seen.payload_bytes;
    ++next;
  }
  if (next < end && (step.records.empty() ||
                     (bytes < step.limit && bytes + stream.records[next].event.payload.bytes <= step.limit))) {
    return object(
        fmt::format("ended at {} after {} of {} bytes, expected it to go on to {}", next, bytes, step.limit, end));
  }
  return std::nullopt;
}

Verdict StreamModel::fits(const TxnLog& transaction, const std::vector<StreamContents>& contents, uint64_t csn) const {
  for (const StreamWrite& write : transaction.stream_writes) {
    if (write.kind != Kind::kAppend) {
      continue;
    }
    const Stream& stream = streams_[write.stream];
    const auto shown = std::ranges::find(contents, write.stream, &StreamContents::stream);
    for (uint64_t offset = stream.records.size(); offset > 0 && stream.records[offset - 1].csn == csn; --offset) {
      const uint64_t at = offset - 1;
      if (shown == contents.end() || at >= shown->next_offset) {
        return fmt::format("record {} of stream \"{}\" is missing, which commit {} appended", at, stream.name, csn);
      }
      if (at < shown->first_offset || at - shown->first_offset >= shown->records.size()) {
        continue;
      }
      const SeenRecord& seen = shown->records[at - shown->first_offset];
      if (seen.payload_bytes != stream.records[at].event.payload.bytes ||
          (!seen.redacted && !(seen.payload == stream.records[at].event.payload))) {
        return fmt::format("record {} of stream \"{}\" is {}, expected {} of commit {}", at, stream.name,
                           seen.payload.to_string(), stream.records[at].event.payload.to_string(), csn);
      }
    }
  }
  return std::nullopt;
}

Verdict StreamModel::judge_contents(const StreamContents& contents, uint64_t csn) const {
  const Stream& stream = streams_[contents.stream];
  const auto object = [&](const std::string& what) {
    return fmt::format("stream \"{}\" after commit {}: {}", stream.name, csn, what);
  };
  if (contents.next_offset != size(contents.stream, csn)) {
    return object(fmt::format("it has {} records, expected {}", contents.next_offset, size(contents.stream, csn)));
  }
  const Floor first = floor(contents.stream, csn);
  if (contents.first_offset < first.least || contents.first_offset > first.most) {
    return object(
        fmt::format("its oldest record is {}, expected {} to {}", contents.first_offset, first.least, first.most));
  }
  for (uint64_t at = 0; at < contents.records.size(); ++at) {
    if (Verdict verdict = judge_record(stream, contents.first_offset + at, contents.records[at], csn, true)) {
      return object(*verdict);
    }
  }
  if (contents.complete && contents.first_offset + contents.records.size() != contents.next_offset) {
    return object(fmt::format("reading it ended after {} records", contents.records.size()));
  }
  return judge_hashes(stream, contents);
}

Verdict StreamModel::judge_all(const std::vector<StreamContents>& contents, uint64_t csn) const {
  for (const StreamContents& each : contents) {
    if (Verdict verdict = judge_contents(each, csn)) {
      return verdict;
    }
  }
  return std::nullopt;
}

void StreamModel::compute_chain(const Stream& stream, uint64_t stream_id, uint64_t size) const {
  if (stream.stream_id != stream_id) {
    stream.stream_id = stream_id;
    stream.chain.clear();
  }
  for (uint64_t offset = stream.chain.size(); offset < size; ++offset) {
    const EventMark& event = stream.records[offset].event;
    stream.chain.push_back(audit::chain_hash({.database_id = *database_id_,
                                              .stream_id = stream_id,
                                              .offset = offset,
                                              .payload_bytes = event.payload.bytes,
                                              .previous = offset == 0 ? Sha256{} : stream.chain.back(),
                                              .payload_digest = event.digest}));
  }
}

// The id under which the oldest record has the hash that the next one holds, or the head; 0: there is none. Nothing: no
// record is there to tell.
std::optional<uint64_t> StreamModel::find_id(const Stream& stream, const StreamContents& contents) const {
  if (contents.records.empty() || (contents.records.size() == 1 && !contents.complete)) {
    return std::nullopt;
  }
  const EventMark& event = stream.records[contents.first_offset].event;
  audit::Leaf leaf{.database_id = *database_id_,
                   .stream_id = 1,
                   .offset = contents.first_offset,
                   .payload_bytes = event.payload.bytes,
                   .previous = contents.records.front().prev_hash,
                   .payload_digest = event.digest};
  const Sha256& wanted = contents.records.size() > 1 ? contents.records[1].prev_hash : contents.chain_hash;
  for (; leaf.stream_id <= kStreamIdsMax; ++leaf.stream_id) {
    if (audit::chain_hash(leaf) == wanted) {
      return leaf.stream_id;
    }
  }
  return 0;
}

Verdict StreamModel::judge_hashes(const Stream& stream, const StreamContents& contents) const {
  const uint64_t size = contents.next_offset;
  if (!database_id_ || size == 0) {
    return std::nullopt;
  }
  const auto fits = [&](uint64_t stream_id) {
    if (stream_id == 0) {
      return false;
    }
    compute_chain(stream, stream_id, size);
    return stream.chain[size - 1] == contents.chain_hash;
  };
  if (!fits(stream.stream_id)) {
    // Not told, and another one if the commit that made the stream was lost.
    const std::optional<uint64_t> stream_id = find_id(stream, contents);
    if (!stream_id) {
      return std::nullopt;
    }
    if (!fits(*stream_id)) {
      return fmt::format("the chain hash of stream \"{}\" after {} records is not the one of its events", stream.name,
                         size);
    }
  }
  for (uint64_t at = 0; at < contents.records.size(); ++at) {
    const uint64_t offset = contents.first_offset + at;
    if (contents.records[at].prev_hash != (offset == 0 ? Sha256{} : stream.chain[offset - 1])) {
      return fmt::format("record {} of stream \"{}\" does not hold the chain hash of the one before", offset,
                         stream.name);
    }
  }
  if (size > kSmallTree && size % kLargeTreeOneIn != 0) {
    return std::nullopt;
  }
  if (audit::tree_root(std::span(stream.chain).first(size)) != contents.root) {
    return fmt::format("the Merkle root of stream \"{}\" after {} records is not the one of its events", stream.name,
                       size);
  }
  return std::nullopt;
}

}  // namespace holdfast::sim
