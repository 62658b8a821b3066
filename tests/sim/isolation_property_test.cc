// The isolation checker, on histories drawn at random: of a store that is right, and of one that is wrong once.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/sim/story.h"

namespace holdfast::sim {
namespace {

// A store that is right: transactions on old snapshots, of which the first committer wins.
class RightStore {
 public:
  explicit RightStore(Story& story) : story_(story) {}
  const Rows& newest() const { return states_.back(); }

  struct Open {
    Story::Log log;
    size_t snapshot = 0;
    std::map<std::string, std::string> writes;
    std::vector<std::string> reads;
  };
  Open begin(Isolation isolation) { return {story_.begin(isolation), states_.size() - 1, {}, {}}; }
  void get(Open& open, const std::string& key) const {
    const auto own = open.writes.find(key);
    if (own == open.writes.end()) {
      open.reads.push_back(key);
    }
    open.log->get(kBucket, key, own != open.writes.end() ? own->second : states_[open.snapshot].at(key));
  }
  void put(Open& open, const std::string& key) {
    open.writes[key] = key + std::to_string(next_value_++);
    open.log->put(kBucket, key, open.writes[key]);
  }
  void end(const Open& open) {
    const auto changed = [&](const std::string& key) { return newest().at(key) != states_[open.snapshot].at(key); };
    bool loses = false;
    for (const auto& [key, value] : open.writes) {
      loses = loses || changed(key);
    }
    for (const std::string& key : open.reads) {
      loses = loses || (open.log->serializable && changed(key));
    }
    if (open.writes.empty()) {
      story_.give_up(open.log);
    } else if (loses) {
      story_.refuse(open.log);
    } else {
      states_.push_back(newest());
      for (const auto& [key, value] : open.writes) {
        states_.back()[key] = value;
      }
      story_.commit(open.log);
    }
  }

 private:
  Story& story_;
  std::vector<Rows> states_ = {{{"x", "x0"}, {"y", "y0"}, {"z", "z0"}}};
  uint64_t next_value_ = 1;
};

Isolation drawn_isolation() { return *rc::gen::element(Isolation::kSnapshot, Isolation::kSerializable); }
std::string drawn_key() { return *rc::gen::element<std::string>("x", "y", "z"); }

RC_GTEST_PROP(Isolation, has_nothing_to_say_about_a_store_that_is_right, ()) {
  Story story({{"x", "x0"}, {"y", "y0"}, {"z", "z0"}});
  RightStore store(story);
  std::vector<RightStore::Open> open;
  const auto steps = *rc::gen::inRange<size_t>(0, 200);
  for (size_t step = 0; step < steps; ++step) {
    const auto choice = *rc::gen::inRange<size_t>(0, 8);
    const size_t chosen = open.empty() ? 0 : *rc::gen::inRange<size_t>(0, open.size());
    if (open.empty() || (choice == 0 && open.size() < 6)) {
      open.push_back(store.begin(drawn_isolation()));
    } else if (choice == 1) {
      store.end(open[chosen]);
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(chosen));
    } else if (choice < 5) {
      store.get(open[chosen], drawn_key());
    } else {
      store.put(open[chosen], drawn_key());
    }
  }
  const auto bad = story.end(store.newest());
  RC_ASSERT(bad.value_or("clean") == "clean");
}

RC_GTEST_PROP(Isolation, finds_one_old_value_among_transactions_one_after_the_other, ()) {
  Story story({{"x", "x0"}, {"y", "y0"}, {"z", "z0"}});
  RightStore store(story);
  const auto count = *rc::gen::inRange<size_t>(2, 40);
  const auto wrong = *rc::gen::inRange<size_t>(1, count);
  Rows old = store.newest();
  for (size_t at = 0; at < count; ++at) {
    auto open = store.begin(drawn_isolation());
    const std::string key = drawn_key();
    if (at == wrong) {
      std::string changed = "x";
      while (store.newest().at(changed) == old.at(changed)) {
        ++changed[0];
      }
      open.log->get(kBucket, changed, old.at(changed));
    } else {
      store.get(open, key);
    }
    old = at + 1 == wrong ? store.newest() : old;
    store.put(open, drawn_key());
    store.end(open);
  }
  RC_ASSERT(story.end(store.newest()).has_value());
}

}  // namespace
}  // namespace holdfast::sim
