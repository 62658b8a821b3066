// What the streams of a database must hold: the payloads that were appended, and the hashes that were seen once and
// must never change. Also what is done to streams outside transactions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <holdfast/proof.h>
#include <holdfast/holdfast.hpp>

#include "base/check.h"
#include "fuzz/choices.h"
#include "log/compact_range.h"

namespace holdfast::fuzz {

constexpr uint32_t kEventBytesLarge = 20000;  // larger than a segment, and than a group that is logged
constexpr uint32_t kBatchMax = 300;           // more than a block
constexpr uint64_t kRecordsMax = 2000;        // of all streams: every one is read again and again

// What one transaction wants of streams.
struct EventWrites {
  std::map<std::string, std::vector<std::string>> events;
  std::map<std::string, uint64_t> expected;
};

// One stream gets most: it must become several segments.
inline std::string stream_name_of(Choices& input) { return input.below(4) == 0 ? "few" : "most"; }

inline Codec codec_of(Choices& input) { return static_cast<Codec>(input.below(3)); }

inline std::string event_of(Choices& input) {
  const uint32_t choice = input.below(32);
  const uint32_t bytes = choice == 0 ? input.below(kEventBytesLarge) : choice < 6 ? input.below(1500) : input.below(40);
  uint32_t state = input.below(256);
  std::string event(bytes, static_cast<char>(state));
  if (choice % 2 == 1) {  // no codec makes it smaller
    for (char& byte : event) {
      state = state * 1664525 + 1013904223;
      byte = static_cast<char>(state >> 24);
    }
  }
  return event;
}

class StreamOracle {
 public:
  // --- transactions

  // Does one thing to a stream in a transaction.
  void write_something(Choices& input, Transaction& transaction, EventWrites& writes) {
    const std::string name = stream_name_of(input);
    StreamWriter stream = transaction.stream(name);
    switch (input.below(4)) {
      case 0: {
        const uint64_t size = size_of(name);
        const uint64_t expected = input.below(8) == 0 ? size + input.below(3) - 1 : size;
        CHECK(stream.expect(expected).has_value());
        writes.expected[name] = expected;
        break;
      }
      case 1: {
        const auto head = stream.head().value();
        CHECK(head.next_offset == size_of(name));
        CHECK(head.first_offset == first_of(name));
        break;
      }
      default: {
        if (is_full(1)) {
          return;
        }
        const std::string event = event_of(input);
        CHECK(stream.append(event, codec_of(input)).has_value());
        writes.events[name].push_back(event);
      }
    }
  }
  // Whether streams are as long as the transaction expects them.
  bool holds(const EventWrites& writes) const {
    return std::ranges::all_of(writes.expected, [&](const auto& one) { return size_of(one.first) == one.second; });
  }
  void committed(const EventWrites& writes) {
    for (const auto& [name, events] : writes.events) {
      for (const std::string& event : events) {
        streams_[name].events.push_back({event});
        ++records_;
      }
    }
  }

  // --- outside

  void append_something(Choices& input, Database& database) {
    const std::string name = stream_name_of(input);
    Stream stream = database.stream(name);
    const Codec codec = codec_of(input);
    const auto durability = input.below(4) == 0 ? Durability::kDeferred : Durability::kDurable;
    const uint64_t size = size_of(name);
    const uint32_t how = input.below(4);
    const uint64_t count = how == 0 ? 1 + input.below(kBatchMax) : 1 + input.below(6);
    if (is_full(count)) {
      return;
    }
    EventWrites writes;
    std::vector<std::string>& events = writes.events[name];
    events.push_back(event_of(input));
    while (events.size() < count) {
      events.push_back(how == 0 ? events.front().substr(0, events.size() % 50) : event_of(input));
    }
    const uint32_t expects = input.below(4);
    const std::vector<std::string_view> views(events.begin(), events.end());
    if (expects == 0) {
      const auto refused = stream.append_batch(views, size + 1 + input.below(2), codec, durability);
      CHECK(!refused && refused.error().code() == ErrorCode::kConflict);
      CHECK(refused.error().message().find(" has " + std::to_string(size) + " records") != std::string::npos);
      return;
    }
    const auto appended =
        stream.append_batch(views, expects == 1 ? std::optional(size) : std::nullopt, codec, durability).value();
    CHECK(appended.first_offset == size && appended.next_offset == size + count);
    committed(writes);
    CHECK(stream.wait(size, 0).value());
    CHECK(!stream.wait(size + count, 0).value());
  }

  // Seals, redacts, trims or compacts: each is a checkpoint.
  void tidy(Choices& input, Database& database) {
    const std::string name = stream_name_of(input);
    Stream stream = database.stream(name);
    const uint64_t size = size_of(name);
    const uint64_t first = first_of(name);
    learn(database);
    switch (input.below(4)) {
      case 0: CHECK(stream.seal().has_value()); break;
      case 1: {
        const uint64_t offset = offset_of(input, size);
        const auto redacted = stream.redact(offset);
        if (offset < first || offset >= size) {
          CHECK(!redacted && redacted.error().code() == ErrorCode::kNotFound);
          return;
        }
        Event& event = streams_[name].events[offset];
        CHECK(redacted.value().has_value() == !event.redacted);
        event.redacted = true;
        break;
      }
      case 2: {
        const uint64_t before = offset_of(input, size);
        const auto trimmed = stream.trim(before).value();
        CHECK(trimmed.commit.has_value() == (trimmed.first_offset > first));
        CHECK(trimmed.first_offset >= first && trimmed.first_offset <= std::max(before, first));
        if (size > 0) {
          streams_[name].first = trimmed.first_offset;
        }
        break;
      }
      default: {
        const uint32_t codec = input.below(4);
        CompactOptions options;
        if (codec < 3) {
          options.codec = static_cast<Codec>(codec);
        }
        const auto compacted = stream.compact(options).value();
        CHECK(compacted.segments_after <= compacted.segments_before);
      }
    }
    expect_stream(database.snapshot().stream(name), name, UINT64_MAX);
  }

  // Asks one thing of a stream.
  void read_something(Choices& input, const Database& database) {
    const std::string name = stream_name_of(input);
    const auto snapshot = database.snapshot();
    const StreamView view = snapshot.stream(name);
    const uint64_t size = size_of(name);
    switch (input.below(4)) {
      case 0: expect_records(view, name, offset_of(input, size), input.below(70000)); break;
      case 1: {
        const uint64_t from = offset_of(input, size);
        const auto report = view.verify({.from = from, .to = offset_of(input, size)});
        CHECK(report.has_value() && report->sound());
        break;
      }
      case 2:
        learn(database);
        expect_inclusion(view, name, offset_of(input, size), offset_of(input, size));
        break;
      default: learn(database); expect_consistency(view, name, offset_of(input, size), offset_of(input, size));
    }
  }

  // Everything of every stream, and nothing else.
  void expect_all(const Database& database) {
    learn(database);
    const auto snapshot = database.snapshot();
    std::vector<std::string> names;
    uint64_t records = 0;
    for (const auto& [name, stream] : streams_) {
      names.push_back(name);
      records += stream.events.size() - stream.first;
      expect_stream(snapshot.stream(name), name, 5000);
    }
    CHECK(snapshot.streams().value() == names);
    const auto totals = snapshot.stream_totals().value();
    CHECK(totals.streams == names.size() && totals.records == records);
  }

 private:
  struct Event {
    std::string payload;
    bool redacted = false;
  };
  struct Expected {
    uint64_t first = 0;                             // those before were trimmed
    std::vector<Event> events;                      // the trimmed ones too
    std::vector<Hash> hashes;                       // of the first so many
    log::CompactRange tree;                         // over these
    std::vector<Hash> roots = {log::empty_root()};  // of the tree when it had so many
  };

  uint64_t size_of(const std::string& name) const {
    const auto found = streams_.find(name);
    return found == streams_.end() ? 0 : found->second.events.size();
  }
  uint64_t first_of(const std::string& name) const {
    const auto found = streams_.find(name);
    return found == streams_.end() ? 0 : found->second.first;
  }
  bool is_full(uint64_t more) const { return records_ + more > kRecordsMax; }
  // Near the end, or anywhere; sometimes behind it.
  static uint64_t offset_of(Choices& input, uint64_t size) {
    return input.below(4) == 0 ? size + 1 - std::min<uint64_t>(size + 1, input.below(8))
                               : input.below(static_cast<uint32_t>(size) + 1);
  }

  // Computes the hashes of what is new from the payloads, and takes of the leaves only whose stream it is.
  void learn(const Database& database) {
    const auto snapshot = database.snapshot();
    for (auto& [name, stream] : streams_) {
      const uint64_t known = stream.hashes.size();
      CHECK(known >= stream.first);  // learned before they were trimmed
      const auto leaves = snapshot.stream(name).leaves(known, UINT64_MAX).value();
      CHECK(leaves.size() == stream.events.size() - known);
      for (const RecordLeaf& leaf : leaves) {
        const uint64_t offset = stream.hashes.size();
        const auto parsed = proof::parse_leaf(leaf);
        CHECK(parsed.has_value());
        CHECK(parsed->offset == offset);
        CHECK(parsed->previous == (offset == 0 ? Hash{} : stream.hashes.back()));
        const std::string& payload = stream.events[offset].payload;
        CHECK(proof::check_payload(*parsed, std::as_bytes(std::span(payload))).has_value());
        stream.hashes.push_back(proof::chain_hash(leaf));
        stream.tree.append(stream.hashes.back());
        stream.roots.push_back(stream.tree.root());
      }
    }
  }

  void expect_records(const StreamView& view, const std::string& name, uint64_t from, uint64_t max_bytes) {
    const uint64_t size = size_of(name);
    const auto records = view.read(from, max_bytes);
    if (from > size || from < first_of(name)) {
      CHECK(!records);
      CHECK(records.error().code() == (from > size ? ErrorCode::kInvalidArgument : ErrorCode::kNotFound));
      return;
    }
    CHECK(records.has_value());
    CHECK(records->empty() == (from == size));
    uint64_t bytes = 0;
    for (const StreamRecord& record : *records) {
      const Expected& stream = streams_[name];
      CHECK(record.offset == from++);
      const Event& event = stream.events[record.offset];
      CHECK(record.redacted == event.redacted);
      CHECK(record.payload == (event.redacted ? std::string() : event.payload));
      CHECK(record.payload_bytes == event.payload.size());
      if (record.offset == 0) {
        CHECK(record.prev_hash == Hash{});
      } else if (record.offset <= stream.hashes.size()) {
        CHECK(record.prev_hash == stream.hashes[record.offset - 1]);
      }
      bytes += record.payload.size();
    }
    CHECK(records->size() <= 1 || bytes <= max_bytes);
  }

  // Pre: learned.
  void expect_stream(const StreamView& view, const std::string& name, uint64_t read_bytes) {
    const auto head = view.head().value();
    const auto found = streams_.find(name);
    if (found == streams_.end()) {
      CHECK(head.next_offset == 0 && head.first_offset == 0);
      return;
    }
    const Expected& stream = found->second;
    const uint64_t size = stream.events.size();
    CHECK(head.next_offset == size);
    CHECK(head.first_offset == stream.first);
    CHECK(head.chain_hash == stream.hashes.back());
    const TreeHead tree = view.tree_head().value();
    CHECK(tree == (TreeHead{size, stream.roots[size]}));
    for (uint64_t from = stream.first; from < size;) {
      const auto records = view.read(from, read_bytes).value();
      expect_records(view, name, from, read_bytes);
      from += records.size();
    }
    const auto report = view.verify({.trusted_head = head, .trusted_tree = tree}).value();
    CHECK(report.sound());
    CHECK(report.records == size - stream.first);
    CHECK(report.redacted == static_cast<uint64_t>(std::ranges::count_if(
                                 stream.events.begin() + static_cast<ptrdiff_t>(stream.first), stream.events.end(),
                                 [](const Event& event) { return event.redacted; })));
  }

  // Pre: learned.
  void expect_inclusion(const StreamView& view, const std::string& name, uint64_t offset, uint64_t tree_size) {
    const auto path = view.prove_inclusion(offset, tree_size);
    if (tree_size > size_of(name) || offset >= tree_size) {
      CHECK(!path && path.error().code() == ErrorCode::kInvalidArgument);
      return;
    }
    const Expected& stream = streams_[name];
    if (!path) {
      CHECK(offset < stream.first && path.error().code() == ErrorCode::kNotFound);
      return;
    }
    CHECK(proof::check_inclusion(stream.hashes[offset], offset, tree_size, stream.roots[tree_size], *path).has_value());
  }

  // Pre: learned.
  void expect_consistency(const StreamView& view, const std::string& name, uint64_t old_size, uint64_t new_size) {
    const auto path = view.prove_consistency(old_size, new_size);
    const auto then = view.tree_head_at(old_size);
    const uint64_t size = size_of(name);
    CHECK(old_size <= size || (!then && then.error().code() == ErrorCode::kInvalidArgument));
    if (new_size > size || old_size > new_size) {
      CHECK(!path && path.error().code() == ErrorCode::kInvalidArgument);
      return;
    }
    if (size == 0) {
      CHECK(path->empty() && then->root == log::empty_root());
      return;
    }
    const Expected& stream = streams_[name];
    if (then) {
      CHECK(*then == (TreeHead{old_size, stream.roots[old_size]}));
    } else {
      CHECK(old_size < stream.first && then.error().code() == ErrorCode::kNotFound);
    }
    if (path) {
      CHECK(proof::check_consistency(old_size, stream.roots[old_size], new_size, stream.roots[new_size], *path)
                .has_value());
    } else {
      CHECK(old_size < stream.first && path.error().code() == ErrorCode::kNotFound);
    }
  }

  std::map<std::string, Expected> streams_;
  uint64_t records_ = 0;
};

}  // namespace holdfast::fuzz
