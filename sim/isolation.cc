#include "sim/isolation.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/footprint.h"
#include "sim/key_versions.h"
#include "sim/order_graph.h"

namespace holdfast::sim {

namespace {

using Node = OrderGraph::Node;
using Why = OrderGraph::Why;

// Orders that follow from orders: so often they are looked for.
constexpr int kRoundsMax = 4;
// Writers of a key are compared with so many that come next in the order found so far; what lies farther is ordered.
constexpr size_t kNeighbours = 8;
// A value that more attempts may have written says nothing.
constexpr size_t kCandidatesMax = 4;
constexpr uint32_t kNoKey = ~uint32_t{0};

struct Read {
  AttemptIndex reader = 0;
  uint32_t key = 0;
  std::optional<AttemptIndex> writer;    // once there is one candidate
  std::vector<AttemptIndex> candidates;  // until then
};

class Checker {
 public:
  Checker(const LifeHistory& life, const Contents& after, const BucketNames& names)
      : life_(life),
        after_(after),
        after_index_(static_cast<AttemptIndex>(life.attempts.size())),
        versions_(life),
        report_(life, versions_, names),
        placed_(life.attempts.size() + 1),
        is_observed_(life.attempts.size() + 1) {}

  std::optional<std::string> run() {
    if (auto bad = collect_reads()) {
      return bad;
    }
    place();
    order_by_time();
    for (size_t index = 0; index < reads_.size(); ++index) {
      reads_of_key_[reads_[index].key].push_back(index);
      if (reads_[index].writer) {
        settle(reads_[index]);
      }
    }
    // What was seen of a transaction in doubt shows that it committed.
    for (uint32_t key = 0; key < versions_.keys().size(); ++key) {
      for (const KeyVersions::Final& each : versions_.keys()[key].finals) {
        if (is_observed_[each.writer] || life_.attempts[each.writer].fate == Fate::kCommitted) {
          writers_[key].push_back(each.writer);
        }
      }
    }
    for (int round = 0; round < kRoundsMax; ++round) {
      if (!graph_.close()) {
        return report_.cycle(graph_.shortest_cycle(), owners_);
      }
      const size_t before = graph_.edge_count();
      for (uint32_t key = 0; key < versions_.keys().size(); ++key) {
        if (auto bad = order_key(key)) {
          return bad;
        }
      }
      if (graph_.edge_count() == before) {
        break;
      }
    }
    return std::nullopt;
  }

 private:
  struct Placed {
    Node start = 0;
    Node commit = 0;  // of what changed nothing, or has no snapshot: the same
    // A serializable transaction's reads hold until its commit.
    Node reads_until = 0;
  };

  const TxnLog& log(AttemptIndex attempt) const { return *life_.attempts[attempt].log; }

  // --- what was read

  std::optional<std::string> collect_reads() {
    reads_of_key_.resize(versions_.keys().size());
    writers_.resize(versions_.keys().size());
    std::optional<std::string> bad;
    AttemptIndex reader = 0;
    const ReadVisitor visitor{[&](const OutsideRead& read) { add_read(reader, read, bad); },
                              [&](const OutsideScan& scan) { add_scan(reader, scan, bad); }};
    for (; reader < life_.attempts.size(); ++reader) {
      if (auto own = visit_reads(log(reader), visitor)) {
        return report_.own_writes_missing(reader, *own);
      }
      if (bad) {
        return bad;
      }
    }
    for (const Contents::Bucket& bucket : after_.buckets) {
      if (bucket.complete) {
        add_scan(after_index_, {{bucket.bucket, {}, std::nullopt}, &bucket.rows, nullptr}, bad);
      }
      for (const Row& row : bucket.rows) {
        add_read(after_index_, {bucket.bucket, row.key, &row.value}, bad);
      }
    }
    return bad;
  }

  void add_read(AttemptIndex reader, const OutsideRead& read, std::optional<std::string>& bad) {
    if (bad) {
      return;
    }
    const auto key = versions_.find(read.bucket, read.key);
    if (!key) {
      if (!versions_.may_be(read.bucket, read.key, read.value)) {
        bad = report_.unexplained(reader, read);
      }
      return;
    }
    add(reader, *key, read.value, bad);
  }

  void add(AttemptIndex reader, uint32_t key, const ValueMark* value, std::optional<std::string>& bad) {
    versions_.candidates(reader, key, value, candidates_);
    if (candidates_.empty()) {
      bad = report_.unexplained(reader, {versions_.keys()[key].bucket, versions_.keys()[key].key, value});
    } else if (candidates_.size() == 1) {
      reads_.push_back({reader, key, candidates_.front(), {}});
    } else if (candidates_.size() <= kCandidatesMax) {
      reads_.push_back({reader, key, std::nullopt, candidates_});
    }
  }

  // Keys of the range that are not among the rows were read, too: there was nothing.
  void add_scan(AttemptIndex reader, const OutsideScan& scan, std::optional<std::string>& bad) {
    const std::vector<uint32_t>& keys = versions_.keys_of(scan.range.bucket);
    const auto name_of = [this](uint32_t number) { return versions_.keys()[number].key; };
    const std::vector<Row>& rows = *scan.rows;
    const bool reversed = rows.size() > 1 && rows.front().key > rows.back().key;
    size_t passed = 0;
    const auto row_at = [&](size_t index) -> const std::string& {
      return rows[reversed ? rows.size() - 1 - index : index].key;
    };
    auto at = std::ranges::lower_bound(keys, scan.range.lo, {}, name_of);
    for (; at != keys.end() && scan.range.holds(name_of(*at)) && !bad; ++at) {
      const std::string_view key = name_of(*at);
      while (passed < rows.size() && row_at(passed) < key) {
        ++passed;
      }
      const bool is_there = passed < rows.size() && row_at(passed) == key;
      if (!is_there && !(scan.own != nullptr && scan.own->find(scan.range.bucket, key))) {
        add(reader, *at, nullptr, bad);
      }
    }
  }

  // --- the graph

  Node add_node(AttemptIndex owner) {
    owners_.push_back(owner);
    return graph_.add_node();
  }

  void place() {
    std::map<uint64_t, AttemptIndex> first_of_cut;
    for (AttemptIndex attempt = 0; attempt < placed_.size(); ++attempt) {
      if (attempt < after_index_ && log(attempt).cut != 0) {
        const auto [first, is_new] = first_of_cut.emplace(log(attempt).cut, attempt);
        if (!is_new) {
          placed_[attempt] = placed_[first->second];
          continue;
        }
      }
      Placed& place = placed_[attempt];
      place.start = place.commit = place.reads_until = add_node(attempt);
      if (attempt == after_index_ || life_.attempts[attempt].fate == Fate::kLooked || log(attempt).blind) {
        continue;
      }
      place.commit = add_node(attempt);
      place.reads_until = log(attempt).serializable ? place.commit : place.start;
      graph_.add({place.start, place.commit, Why::kOwn, kNoKey});
    }
  }

  // Each is ordered behind those that were answered before it asked; of those only the last ones need an edge.
  void order_by_time() {
    struct Moment {
      uint64_t at = 0;
      AttemptIndex attempt = 0;
      bool is_answer = false;
    };
    std::vector<Moment> moments;
    for (AttemptIndex attempt = 0; attempt < after_index_; ++attempt) {
      moments.push_back({log(attempt).asked, attempt, false});
      if (life_.attempts[attempt].answered != 0) {
        moments.push_back({life_.attempts[attempt].answered, attempt, true});
      }
      if (life_.attempts[attempt].is_durable) {
        graph_.add({placed_[attempt].commit, placed_[after_index_].start, Why::kRealTime, kNoKey});
      }
    }
    std::ranges::sort(moments, {}, [](const Moment& moment) { return std::pair(moment.at, moment.attempt); });
    std::vector<AttemptIndex> last;  // answered, and behind nobody else of them
    std::vector<std::vector<AttemptIndex>> behind(life_.attempts.size());
    for (const Moment& moment : moments) {
      std::vector<AttemptIndex>& mine = behind[moment.attempt];
      if (!moment.is_answer) {
        mine = last;
        for (const AttemptIndex each : mine) {
          if (placed_[each].commit != placed_[moment.attempt].start) {
            graph_.add({placed_[each].commit, placed_[moment.attempt].start, Why::kRealTime, kNoKey});
          }
        }
        continue;
      }
      std::erase_if(last, [&](AttemptIndex each) { return std::ranges::find(mine, each) != mine.end(); });
      last.push_back(moment.attempt);
    }
  }

  void add_edge(Node from, Node to, Why why, uint32_t key) {
    if (from != to) {
      graph_.add({from, to, why, key});
    }
  }

  // Who wrote it is known from now on.
  void settle(const Read& read) {
    if (*read.writer != kBeforeLife) {
      is_observed_[*read.writer] = true;
      add_edge(placed_[*read.writer].commit, placed_[read.reader].start, Why::kWriteRead, read.key);
    }
  }

  // --- one key, after the graph was closed

  bool is_before(AttemptIndex a, AttemptIndex b) const { return graph_.reaches(placed_[a].commit, placed_[b].start); }

  std::optional<std::string> order_key(uint32_t key) {
    std::vector<AttemptIndex>& writers = writers_[key];
    std::ranges::sort(writers, {}, [this](AttemptIndex each) { return graph_.position(placed_[each].commit); });
    for (size_t first = 0; first < writers.size(); ++first) {
      for (size_t second = first + 1; second < std::min(writers.size(), first + 1 + kNeighbours); ++second) {
        if (auto bad = order_writers(key, writers[first], writers[second])) {
          return bad;
        }
      }
    }
    for (const size_t index : reads_of_key_[key]) {
      Read& read = reads_[index];
      if (!read.writer) {
        if (auto bad = narrow(read)) {
          return bad;
        }
      }
      if (read.writer) {
        order_read(read, writers);
      }
    }
    return std::nullopt;
  }

  // One of them committed before the other started.
  std::optional<std::string> order_writers(uint32_t key, AttemptIndex a, AttemptIndex b) {
    if (is_before(a, b) || is_before(b, a)) {
      return std::nullopt;
    }
    const bool a_first = !graph_.reaches(placed_[b].start, placed_[a].commit);
    const bool b_first = !graph_.reaches(placed_[a].start, placed_[b].commit);
    if (!a_first && !b_first) {
      return report_.both_wrote(key, a, b, graph_.path(placed_[a].start, placed_[b].commit),
                                graph_.path(placed_[b].start, placed_[a].commit), owners_);
    }
    if (a_first != b_first) {
      const AttemptIndex first = a_first ? a : b;
      const AttemptIndex second = a_first ? b : a;
      add_edge(placed_[first].commit, placed_[second].start, Why::kWriteWrite, key);
    }
    return std::nullopt;
  }

  // Whoever overwrote what it read committed after it started; whoever it does not see past wrote before.
  void order_read(const Read& read, const std::vector<AttemptIndex>& writers) {
    const Placed& reader = placed_[read.reader];
    const bool is_first = *read.writer == kBeforeLife;
    const auto own = is_first ? writers.begin() : std::ranges::find(writers, *read.writer);
    if (!is_first && own == writers.end()) {
      return;
    }
    const auto from = static_cast<size_t>(own - writers.begin()) + (is_first ? 0U : 1U);
    for (size_t next = from; next < std::min(writers.size(), from + kNeighbours); ++next) {
      const AttemptIndex other = writers[next];
      if (other != read.reader && (is_first || is_before(*read.writer, other)) &&
          !graph_.reaches(reader.reads_until, placed_[other].commit)) {
        add_edge(reader.reads_until, placed_[other].commit, Why::kReadWrite, read.key);
      }
    }
    if (is_first) {
      return;
    }
    const size_t begin = from > kNeighbours ? from - 1 - kNeighbours : 0;
    for (size_t at = begin; at < std::min(writers.size(), from + kNeighbours); ++at) {
      const AttemptIndex other = writers[at];
      if (other != *read.writer && other != read.reader && !is_before(other, *read.writer) &&
          graph_.reaches(placed_[other].commit, reader.start)) {
        add_edge(placed_[other].commit, placed_[*read.writer].start, Why::kWriteWrite, read.key);
      }
    }
  }

  // Drops candidates whose value it cannot have seen any more, or not yet.
  std::optional<std::string> narrow(Read& read) {
    const std::vector<AttemptIndex> all = read.candidates;
    const Placed& reader = placed_[read.reader];
    std::erase_if(read.candidates, [&](AttemptIndex candidate) {
      if (candidate != kBeforeLife && graph_.reaches(reader.start, placed_[candidate].commit)) {
        return true;
      }
      return std::ranges::any_of(writers_[read.key], [&](AttemptIndex other) {
        return other != candidate && other != read.reader && graph_.reaches(placed_[other].commit, reader.start) &&
               (candidate == kBeforeLife || is_before(candidate, other));
      });
    });
    if (read.candidates.empty()) {
      return report_.no_candidate(read.reader, read.key, all);
    }
    if (read.candidates.size() == 1) {
      read.writer = read.candidates.front();
      settle(read);
    }
    return std::nullopt;
  }

  const LifeHistory& life_;
  const Contents& after_;
  const AttemptIndex after_index_;
  const KeyVersions versions_;
  const IsolationReport report_;
  OrderGraph graph_;
  std::vector<AttemptIndex> owners_;  // of the graph's nodes
  std::vector<Placed> placed_;        // by attempt; the last is what the next life was shown
  std::vector<bool> is_observed_;
  std::vector<Read> reads_;
  std::vector<AttemptIndex> candidates_;  // of the read at hand
  std::vector<std::vector<size_t>> reads_of_key_;
  std::vector<std::vector<AttemptIndex>> writers_;  // of each key, those that are certain
};

}  // namespace

std::optional<std::string> check_isolation(const LifeHistory& life, const Contents& after,
                                           const BucketNames& bucket_name) {
  if (life.attempts.empty() || life.attempts.size() > kAttemptsMax) {
    return std::nullopt;
  }
  return Checker(life, after, bucket_name).run();
}

}  // namespace holdfast::sim
