// IsolationReport: what breaks isolation, in words.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sim/key_versions.h"
#include "sim/order_graph.h"

namespace holdfast::sim {

using BucketNames = std::function<std::string(BucketId)>;

class IsolationReport {
 public:
  // References are kept.
  IsolationReport(const LifeHistory& life, const KeyVersions& versions, const BucketNames& names)
      : life_(life), versions_(versions), names_(names) {}

  using Edges = std::vector<OrderGraph::Edge>;
  // `owners`: of the graph's nodes.
  std::string cycle(Edges cycle, std::span<const AttemptIndex> owners) const;
  // Neither can have committed before the other started.
  std::string both_wrote(uint32_t key, AttemptIndex a, AttemptIndex b, const Edges& a_before_b, const Edges& b_before_a,
                         std::span<const AttemptIndex> owners) const;
  // Nobody left the value: G1a, G1b, or thin air.
  std::string unexplained(AttemptIndex reader, const OutsideRead& read) const;
  // Whoever may have left it did so too late, or somebody else had overwritten it by then.
  std::string no_candidate(AttemptIndex reader, uint32_t key, std::span<const AttemptIndex> candidates) const;
  std::string own_writes_missing(AttemptIndex reader, const std::string& what) const;

 private:
  std::string who(AttemptIndex attempt) const;
  std::string name_of(BucketId bucket, std::string_view key) const;
  std::string name_of(uint32_t key) const { return name_of(versions_.keys()[key].bucket, versions_.keys()[key].key); }
  std::string chain(const Edges& edges, std::span<const AttemptIndex> owners) const;

  const LifeHistory& life_;
  const KeyVersions& versions_;
  const BucketNames& names_;
};

}  // namespace holdfast::sim
