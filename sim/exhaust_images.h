// CutImages: the images that a power cut may leave of one disk, all of them or as many as a bound allows.
//
// An image is a list of choices (CutChooser), one for each sector, size and name that is not durable. If there are no
// more images than the bound, these are all of them. Otherwise the telling ones come first: of the *changes* (one
// write, one change of a size or a name each) every subset, or where those are too many every beginning of their order,
// all but one and only one; then changes of which one sector is torn off, or alone survives, before and after each
// moment.
//
// Threads: one at a time. The disk must outlive this, unchanged.
// Invariants: (1) the list is a function of the disk and the bound alone; (2) no two images have the same choices.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/sim_disk.h"
#include "sim/survivors.h"

namespace holdfast::sim {

class CutImages {
 public:
  // `known`: all images that hold no change after that moment are left out, unless the bound leaves others out. Pre:
  // the personality has no journal: choices do not depend on each other.
  CutImages(const SimDisk& disk, uint64_t bound, Sequence known = 0);

  size_t count() const { return images_.size(); }
  // False: the bound left some out.
  bool complete() const { return complete_; }
  SimDisk image(size_t index) const;
  // For people: what became of each change that is not durable. `name_of`: of a change.
  std::string describe(size_t index, const std::function<std::string(Sequence)>& name_of) const;

 private:
  using Choices = std::vector<uint8_t>;  // one for each unit: the alternative
  struct Unit {
    std::vector<Alternative> alternatives;
    uint8_t distinct = 1;  // alternatives that differ
  };
  class Recorder;
  class Player;

  void enumerate_all(Sequence known);
  void enumerate_some();
  bool full() const { return images_.size() >= bound_; }
  void add(Choices choices);
  // What is left if of all changes just these survive whole; `kept` has one entry for each of `changes_`.
  Choices subset(const std::vector<bool>& kept) const;
  void add_torn(const Choices& from, size_t change);

  const SimDisk& disk_;
  uint64_t bound_;
  bool complete_ = true;
  std::vector<Unit> units_;
  std::vector<Sequence> changes_;  // that some choice is about, in order
  std::vector<Choices> images_;
  std::vector<uint64_t> hashes_;  // of them, in a table with open addressing; 0: free
};

}  // namespace holdfast::sim
