#include "sim/order_graph.h"

#include <algorithm>
#include <ranges>
#include <tuple>

#include "base/check.h"

namespace holdfast::sim {

namespace {

// Starting points from which a shortest cycle is looked for.
constexpr size_t kStartsMax = 300;
constexpr uint32_t kNone = ~uint32_t{0};

}  // namespace

bool OrderGraph::close() {
  const auto ends = [](const Edge& edge) { return uint64_t{edge.from} << 32U | edge.to; };
  std::ranges::sort(edges_, {}, [](const Edge& edge) { return std::tuple(edge.from, edge.to, edge.why, edge.key); });
  const auto twice = std::ranges::unique(edges_, {}, ends);
  edges_.erase(twice.begin(), twice.end());
  first_edge_.assign(size_t{node_count_} + 1, 0);
  std::vector<uint32_t> missing(node_count_);
  for (const Edge& edge : edges_) {
    ++first_edge_[edge.from + 1];
    ++missing[edge.to];
  }
  for (Node node = 0; node < node_count_; ++node) {
    first_edge_[node + 1] += first_edge_[node];
  }
  order_.clear();
  for (Node node = 0; node < node_count_; ++node) {
    if (missing[node] == 0) {
      order_.push_back(node);
    }
  }
  for (size_t next = 0; next < order_.size(); ++next) {
    const Node node = order_[next];
    for (uint32_t edge = first_edge_[node]; edge < first_edge_[node + 1]; ++edge) {
      if (--missing[edges_[edge].to] == 0) {
        order_.push_back(edges_[edge].to);
      }
    }
  }
  left_.clear();
  if (order_.size() < node_count_) {
    for (Node node = 0; node < node_count_; ++node) {
      if (missing[node] > 0) {
        left_.push_back(node);
      }
    }
    return false;
  }
  positions_.resize(node_count_);
  words_ = node_count_ / 64 + 1;
  reach_.assign(node_count_ * words_, 0);
  for (uint32_t position = 0; position < node_count_; ++position) {
    positions_[order_[position]] = position;
  }
  for (const Node node : std::views::reverse(order_)) {
    uint64_t* const mine = reach_.data() + node * words_;
    for (uint32_t edge = first_edge_[node]; edge < first_edge_[node + 1]; ++edge) {
      const Node to = edges_[edge].to;
      if ((mine[to / 64] >> (to % 64U) & 1U) != 0) {
        continue;
      }
      const uint64_t* const theirs = reach_.data() + to * words_;
      for (size_t word = 0; word < words_; ++word) {
        mine[word] |= theirs[word];
      }
      mine[to / 64] |= uint64_t{1} << (to % 64U);
    }
  }
  return true;
}

std::vector<OrderGraph::Edge> OrderGraph::path(Node from, Node to) const {
  std::vector<uint32_t> came_by(node_count_, kNone);
  std::vector<Node> queue = {from};
  for (size_t next = 0; next < queue.size() && came_by[to] == kNone; ++next) {
    for (uint32_t edge = first_edge_[queue[next]]; edge < first_edge_[queue[next] + 1]; ++edge) {
      const Node reached = edges_[edge].to;
      if (came_by[reached] == kNone) {
        came_by[reached] = edge;
        queue.push_back(reached);
      }
    }
  }
  std::vector<Edge> edges;
  if (came_by[to] == kNone) {
    return edges;
  }
  Node at = to;
  do {
    edges.push_back(edges_[came_by[at]]);
    at = edges.back().from;
  } while (at != from);
  std::ranges::reverse(edges);
  return edges;
}

std::vector<OrderGraph::Edge> OrderGraph::shortest_cycle() const {
  CHECK(!left_.empty());
  std::vector<Edge> shortest;
  for (size_t start = 0; start < left_.size() && (start < kStartsMax || shortest.empty()); ++start) {
    std::vector<Edge> cycle = path(left_[start], left_[start]);
    if (!cycle.empty() && (shortest.empty() || cycle.size() < shortest.size())) {
      shortest = std::move(cycle);
    }
  }
  return shortest;
}

}  // namespace holdfast::sim
