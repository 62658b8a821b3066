// KeyRanges: a set of keys made of disjoint ranges [lo, hi); a range without hi reaches to the end.
//
// Threads: one at a time. Invariants: (1) ranges are not empty; (2) they neither overlap nor touch.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast {

class KeyRanges {
 public:
  using Map = std::map<std::string, std::optional<std::string>, std::less<>>;
  // What an add() did, so that it can be undone.
  struct Change {
    std::vector<Map::value_type> removed;
    std::optional<std::string> added;  // the range that starts here is new
  };

  // The ranges with [lo, hi) added. Nothing if lo >= hi. Fills `change` if it is given.
  void add(std::string_view lo, std::optional<std::string_view> hi, Change* change = nullptr);
  // Pre: `change` is that of the last add() that was not undone.
  void undo(Change&& change);

  // The range that holds `key`, or null.
  const Map::value_type* find(std::string_view key) const;
  // Whether some key lies in both [lo, hi) and the ranges.
  bool overlaps(std::string_view lo, std::optional<std::string_view> hi) const;

  bool empty() const { return ranges_.empty(); }
  size_t size() const { return ranges_.size(); }
  Map::const_iterator begin() const { return ranges_.begin(); }
  Map::const_iterator end() const { return ranges_.end(); }
  void swap(KeyRanges& other) noexcept { ranges_.swap(other.ranges_); }

 private:
  Map ranges_;
};

}  // namespace holdfast
