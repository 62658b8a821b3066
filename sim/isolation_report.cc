#include "sim/isolation_report.h"

#include <algorithm>

namespace holdfast::sim {

namespace {

using Why = OrderGraph::Why;

// Whether two read-writes follow on one another: snapshot isolation allows that.
bool has_neighbours(const IsolationReport::Edges& cycle) {
  std::vector<Why> whys;
  for (const OrderGraph::Edge& edge : cycle) {
    if (edge.why != Why::kOwn) {
      whys.push_back(edge.why);
    }
  }
  whys.push_back(whys.front());
  return std::ranges::adjacent_find(whys, [](Why a, Why b) { return a == Why::kReadWrite && a == b; }) != whys.end();
}

// Two transactions, of which one overwrote in a key what it had not seen of the other.
bool is_lost_update(const IsolationReport::Edges& cycle) {
  const auto is = [&cycle](Why why) { return std::ranges::find(cycle, why, &OrderGraph::Edge::why); };
  const auto links = std::ranges::count_if(cycle, [](const OrderGraph::Edge& edge) { return edge.why != Why::kOwn; });
  const auto overwrote = is(Why::kWriteWrite);
  const auto read = is(Why::kReadWrite);
  return links == 2 && overwrote != cycle.end() && read != cycle.end() && overwrote->key == read->key;
}

// Adya's name of a cycle, by the edges in it.
std::string cycle_name(const IsolationReport::Edges& cycle) {
  if (is_lost_update(cycle)) {
    return "lost update";
  }
  const auto count = [&cycle](Why why) { return std::ranges::count(cycle, why, &OrderGraph::Edge::why); };
  const auto read_writes = count(Why::kReadWrite);
  std::string name;
  if (read_writes > 1) {
    name = has_neighbours(cycle) ? "G2 (anti-dependency cycle)" : "G-nonadjacent (long fork)";
  } else if (read_writes == 1) {
    name = "G-single (read skew)";
  } else if (count(Why::kWriteRead) > 0) {
    name = "G1c (circular information flow)";
  } else {
    name = "G0 (write cycle)";
  }
  return count(Why::kRealTime) > 0 ? name + " against real time" : name;
}

}  // namespace

std::string IsolationReport::who(AttemptIndex attempt) const {
  if (attempt == kBeforeLife) {
    return "what was there before";
  }
  if (attempt >= life_.attempts.size()) {
    return "the database that was opened next";
  }
  const TxnLog& log = *life_.attempts[attempt].log;
  return (log.id == 0 ? "a snapshot" : "transaction " + std::to_string(log.id)) + " of " + log.who;
}

std::string IsolationReport::name_of(BucketId bucket, std::string_view key) const {
  return "key " + quoted(key) + " of bucket \"" + names_(bucket) + "\"";
}

std::string IsolationReport::chain(const Edges& edges, std::span<const AttemptIndex> owners) const {
  std::string text;
  for (const OrderGraph::Edge& edge : edges) {
    const std::string from = who(owners[edge.from]);
    const std::string to = who(owners[edge.to]);
    if (edge.why == Why::kOwn) {
      continue;
    }
    text += text.empty() ? "" : "; ";
    switch (edge.why) {
      case Why::kOwn: break;
      case Why::kRealTime: text += from + " was answered before " + to + " asked"; break;
      case Why::kWriteRead: text += from + " wrote " + name_of(edge.key) + ", which " + to + " read"; break;
      case Why::kWriteWrite: text += from + " wrote " + name_of(edge.key) + " before " + to + " did"; break;
      case Why::kReadWrite: text += from + " read " + name_of(edge.key) + " before " + to + " wrote it"; break;
    }
  }
  return text;
}

std::string IsolationReport::cycle(Edges cycle, std::span<const AttemptIndex> owners) const {
  // Told from the attempt that began first.
  const auto first = std::ranges::min_element(
      cycle, {}, [&owners](const OrderGraph::Edge& edge) { return std::pair(owners[edge.from], edge.from); });
  std::ranges::rotate(cycle, first);
  return "isolation: " + cycle_name(cycle) + ": " + chain(cycle, owners);
}

std::string IsolationReport::both_wrote(uint32_t key, AttemptIndex a, AttemptIndex b, const Edges& a_before_b,
                                        const Edges& b_before_a, std::span<const AttemptIndex> owners) const {
  return "isolation: lost update: " + who(a) + " and " + who(b) + " both wrote " + name_of(key) +
         ", but neither committed before the other started: " + chain(a_before_b, owners) + "; and " +
         chain(b_before_a, owners);
}

std::string IsolationReport::unexplained(AttemptIndex reader, const OutsideRead& read) const {
  const std::string seen = who(reader) + " read " + name_of(read.bucket, read.key) + " = " +
                           (read.value == nullptr ? "nothing" : read.value->to_string());
  for (AttemptIndex writer = 0; read.value != nullptr && writer < life_.attempts.size(); ++writer) {
    const Attempt& attempt = life_.attempts[writer];
    const bool wrote =
        writer != reader && std::ranges::any_of(attempt.log->steps, [&](const Step& step) {
          const bool is_write = step.kind == Step::Kind::kPut ||
                                ((step.kind == Step::Kind::kInsert || step.kind == Step::Kind::kUpdate) && step.found);
          return is_write && step.bucket == read.bucket && step.key == read.key && step.value == *read.value;
        });
    if (wrote && attempt.fate == Fate::kLooked) {
      return "isolation: G1a (aborted read): " + seen + ", which " + who(writer) + " wrote, but never committed";
    }
    if (wrote) {
      return "isolation: G1b (intermediate read): " + seen + ", which " + who(writer) +
             " wrote, but replaced or took back before it committed";
    }
  }
  return "isolation: " + seen + ", but nobody left that there";
}

std::string IsolationReport::no_candidate(AttemptIndex reader, uint32_t key,
                                          std::span<const AttemptIndex> candidates) const {
  std::string text = "isolation: G-single (read skew): what " + who(reader) + " read in " + name_of(key) +
                     " was not there any more, or not yet, when it started; it can only come from ";
  for (const AttemptIndex each : candidates) {
    text += (each == candidates.front() ? "" : " or ") + who(each);
  }
  return text;
}

std::string IsolationReport::own_writes_missing(AttemptIndex reader, const std::string& what) const {
  return "isolation: internal: " + who(reader) + " " + what;
}

}  // namespace holdfast::sim
