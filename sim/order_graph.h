// OrderGraph: what must have happened before what, each with its reason; and which of that is impossible.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace holdfast::sim {

class OrderGraph {
 public:
  using Node = uint32_t;
  enum class Why : uint8_t {
    kOwn,        // a transaction's snapshot is before its commit
    kRealTime,   // one was answered before the other asked
    kWriteRead,  // one wrote what the other read
    kWriteWrite,
    kReadWrite,  // one read what the other overwrote
  };
  struct Edge {
    Node from = 0;
    Node to = 0;
    Why why = Why::kOwn;
    uint32_t key = 0;  // the caller's number
  };

  Node add_node() { return node_count_++; }
  void add(const Edge& edge) { edges_.push_back(edge); }
  size_t edge_count() const { return edges_.size(); }

  // Finds an order; false: there is a cycle.
  bool close();
  // As of the last close() that was true.
  bool reaches(Node from, Node to) const { return (reach_[size_t{from} * words_ + to / 64] >> (to % 64U) & 1U) != 0; }
  uint32_t position(Node node) const { return positions_[node]; }
  // A way with the fewest edges, after a close(); from a node to itself: a cycle. Empty: there is none.
  std::vector<Edge> path(Node from, Node to) const;
  // Pre: close() was false.
  std::vector<Edge> shortest_cycle() const;

 private:
  Node node_count_ = 0;
  std::vector<Edge> edges_;  // after close(): by `from`, and none twice
  std::vector<uint32_t> first_edge_;
  std::vector<Node> order_;
  std::vector<uint32_t> positions_;
  std::vector<Node> left_;  // on cycles, or behind them
  size_t words_ = 0;
  std::vector<uint64_t> reach_;
};

}  // namespace holdfast::sim
