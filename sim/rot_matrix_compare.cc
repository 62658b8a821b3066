#include "sim/rot_matrix_compare.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace holdfast::sim {

namespace {

using Rows = std::vector<Row>;

// Whether `seen` is `truth`, or, where damage ended the reading, a beginning of it.
bool is_start_of(const Rows& seen, const Rows& truth, bool complete) {
  return (complete ? seen.size() == truth.size() : seen.size() <= truth.size()) &&
         std::equal(seen.begin(), seen.end(), truth.begin());
}

class Comparison {
 public:
  Comparison(const Inspection& seen, const Contents& truth, const RotChanges& changes, Model& names)
      : seen_(seen), truth_(truth), changes_(changes), names_(names) {}

  Verdict compare() {
    if (Verdict verdict = buckets(seen_.contents.buckets, false)) {
      return verdict;
    }
    if (Verdict verdict = buckets(seen_.reversed, true)) {
      return verdict;
    }
    if (Verdict verdict = list_of_buckets()) {
      return verdict;
    }
    if (Verdict verdict = streams()) {
      return verdict;
    }
    if (Verdict verdict = projections()) {
      return verdict;
    }
    return pins();
  }

 private:
  Verdict buckets(const std::vector<Contents::Bucket>& seen, bool reversed) {
    for (const Contents::Bucket& bucket : seen) {
      const std::string name = names_.bucket_name(bucket.bucket);
      if (name == kRotBucket) {
        const Rows wanted = {{std::string(kRotKey), ValueMark::of(kRotValue)}};
        if (!changes_.row.may_be || !is_start_of(bucket.rows, wanted, bucket.complete)) {
          return "the row that was put into the damaged database is another one";
        }
        has_row_ = true;
        continue;
      }
      const auto truth = std::ranges::find(truth_.buckets, bucket.bucket, &Contents::Bucket::bucket);
      if (truth == truth_.buckets.end()) {
        return fmt::format("there is a bucket \"{}\", expected none", name);
      }
      Rows wanted = truth->rows;
      if (reversed) {
        std::ranges::reverse(wanted);
      }
      if (!is_start_of(bucket.rows, wanted, bucket.complete)) {
        return fmt::format("bucket \"{}\"{} has {} rows, expected {}, or they differ", name,
                           reversed ? " backwards" : "", bucket.rows.size(), wanted.size());
      }
    }
    return std::nullopt;
  }

  Verdict list_of_buckets() const {
    if (!seen_.contents.buckets_complete) {
      return std::nullopt;
    }
    for (const Contents::Bucket& bucket : truth_.buckets) {
      if (std::ranges::find(seen_.contents.buckets, bucket.bucket, &Contents::Bucket::bucket) ==
          seen_.contents.buckets.end()) {
        return fmt::format("bucket \"{}\" is not there", names_.bucket_name(bucket.bucket));
      }
    }
    return changes_.row.must_be && !has_row_ ? Verdict("the row that was put into the damaged database is gone")
                                             : std::nullopt;
  }

  // Where the list of buckets cannot be read, nobody looks further.
  Verdict streams() const {
    if (!seen_.contents.buckets_complete) {
      return std::nullopt;
    }
    for (const StreamContents& stream : seen_.contents.streams) {
      const auto truth = std::ranges::find(truth_.streams, stream.stream, &StreamContents::stream);
      if (truth == truth_.streams.end()) {
        return "there is a stream, expected none";
      }
      const std::string& name = names_.streams().name(stream.stream);
      if (Verdict verdict = compare_stream(stream, *truth, name == kRotStream)) {
        return fmt::format("stream \"{}\": {}", name, *verdict);
      }
    }
    if (seen_.contents.streams_complete && seen_.contents.streams.size() != truth_.streams.size()) {
      return fmt::format("it has {} streams, expected {}", seen_.contents.streams.size(), truth_.streams.size());
    }
    return std::nullopt;
  }

  Verdict compare_stream(const StreamContents& stream, const StreamContents& truth, bool may_grow) const {
    const bool grew = may_grow && changes_.event.may_be && stream.next_offset == truth.next_offset + 1;
    if (may_grow && changes_.event.must_be && !grew) {
      return fmt::format("the event that was appended to the damaged database is gone; it ends at {}",
                         stream.next_offset);
    }
    if (stream.first_offset != truth.first_offset || (!grew && stream.next_offset != truth.next_offset)) {
      return fmt::format("it goes from {} to {}, expected {} to {}", stream.first_offset, stream.next_offset,
                         truth.first_offset, truth.next_offset);
    }
    if (!grew && (stream.chain_hash != truth.chain_hash || stream.root != truth.root)) {
      return "its hashes are other ones";
    }
    const size_t wanted = truth.records.size() + (grew ? 1 : 0);
    if (stream.complete ? stream.records.size() != wanted : stream.records.size() > wanted) {
      return fmt::format("{} records can be read, expected {}", stream.records.size(), wanted);
    }
    for (size_t index = 0; index < stream.records.size(); ++index) {
      const bool same = index < truth.records.size() ? same_record(stream, truth, index, may_grow)
                                                     : stream.records[index].payload == ValueMark::of(kRotEvent);
      if (!same) {
        return fmt::format("record {} is another one", stream.first_offset + index);
      }
    }
    return std::nullopt;
  }

  bool same_record(const StreamContents& stream, const StreamContents& truth, size_t index, bool may_change) const {
    const SeenRecord& seen = stream.records[index];
    if (!may_change || stream.first_offset + index != kRotRedacted || !seen.redacted) {
      const bool must_be = may_change && stream.first_offset + index == kRotRedacted && changes_.redacted.must_be;
      return seen == truth.records[index] && !must_be;
    }
    return changes_.redacted.may_be && seen.prev_hash == truth.records[index].prev_hash &&
           seen.payload_bytes == truth.records[index].payload_bytes;
  }

  bool is_generation(const ProjectionContents& seen, const ProjectionContents& truth) const {
    const bool can_be_rebuilt = !truth.stream.empty();
    return (seen.generation == truth.generation && !(can_be_rebuilt && changes_.rebuilt.must_be)) ||
           (can_be_rebuilt && changes_.rebuilt.may_be && seen.generation == truth.generation + 1);
  }

  Verdict projections() const {
    for (const ProjectionContents& seen : seen_.contents.projections) {
      const auto truth = std::ranges::find(truth_.projections, seen.projection, &ProjectionContents::projection);
      if (!seen.is_known) {
        continue;
      }
      const std::string name = names_.projections().name(seen.projection);
      const bool hash_hidden = seen_.met_damage && seen.hash == Sha256{};
      if (truth == truth_.projections.end() || seen.is_there != truth->is_there || seen.applied != truth->applied ||
          seen.floor != truth->floor || !is_generation(seen, *truth) || seen.stream != truth->stream ||
          (seen.hash != truth->hash && !hash_hidden)) {
        return fmt::format(
            "projection \"{}\" is at position {}, expected {}, or its floor, generation, stream or hash "
            "differs",
            name, seen.applied, truth == truth_.projections.end() ? 0 : truth->applied);
      }
      for (size_t table = 0; table < seen.tables.size(); ++table) {
        for (size_t key = 0; key < seen.tables[table].size(); ++key) {
          const auto& versions = seen.tables[table][key];
          if (versions ? versions != truth->tables[table][key] : !seen_.met_damage) {
            return fmt::format("projection \"{}\": key {} of table {} has other versions", name, key, table);
          }
        }
      }
    }
    return std::nullopt;
  }

  Verdict pins() const {
    for (const Contents::Pinned& pinned : seen_.contents.pins) {
      const auto truth = std::ranges::find_if(
          truth_.pins, [&](const Contents::Pinned& each) { return each.pin.name == pinned.pin.name; });
      if (truth == truth_.pins.end() || truth->pin.csn != pinned.pin.csn) {
        return fmt::format("there is a pin \"{}\" of commit {}, expected none", pinned.pin.name, pinned.pin.csn);
      }
      const bool same = std::ranges::equal(pinned.buckets, truth->buckets, [](const auto& a, const auto& b) {
        return a.bucket == b.bucket && a.rows == b.rows;
      });
      if (pinned.complete && !same) {
        return fmt::format("pin \"{}\" shows another state", pinned.pin.name);
      }
    }
    if (seen_.contents.pins_complete && seen_.contents.pins.size() != truth_.pins.size()) {
      return fmt::format("it has {} pins, expected {}", seen_.contents.pins.size(), truth_.pins.size());
    }
    return std::nullopt;
  }

  const Inspection& seen_;
  const Contents& truth_;
  const RotChanges& changes_;
  Model& names_;
  bool has_row_ = false;
};

}  // namespace

Verdict compare_with_truth(const Inspection& seen, const Contents& truth, const RotChanges& changes, Model& names) {
  return Comparison(seen, truth, changes, names).compare();
}

}  // namespace holdfast::sim
