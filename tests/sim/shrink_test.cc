// Runs as data: written down, played again, made smaller; and their text.
#include "sim/shrink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>

#include "base/check.h"
#include "sim/repro.h"
#include "tests/sim/disk_image.h"

namespace holdfast::sim {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// --- the text

template <class T>
T arbitrary_below(T count) {
  return static_cast<T>(*rc::gen::inRange<uint64_t>(0, static_cast<uint64_t>(count)));
}
template <class T>
std::vector<T> some(uint64_t max, const std::function<T()>& one) {
  std::vector<T> all;
  for (uint64_t count = *rc::gen::inRange<uint64_t>(0, max + 1); count > 0; --count) {
    all.push_back(one());
  }
  return all;
}

IoPoint arbitrary_place() {
  IoPoint at;
  at.moment = arbitrary_below<uint64_t>(2) == 0 ? Moment::kBefore : Moment::kAfter;
  at.fiber = arbitrary_below<uint32_t>(1'000);
  at.action = *rc::gen::arbitrary<uint64_t>();
  at.kind = static_cast<IoKind>(arbitrary_below<uint64_t>(15));
  at.file = *rc::gen::arbitrary<std::string>();
  at.nth = *rc::gen::arbitrary<uint64_t>();
  return at;
}

ScriptedAction arbitrary_action(uint64_t number) {
  ScriptedAction action;
  action.number = number;
  action.action = arbitrary_below(Action::kCount);
  action.cause = arbitrary_below<uint64_t>(4) == 0 ? ScriptedAction::Cause::kFollows : ScriptedAction::Cause::kDrawn;
  action.position = *rc::gen::arbitrary<uint64_t>();
  if (*rc::gen::arbitrary<bool>()) {
    action.moves.emplace();
    action.moves->steps = some<ScriptedStep>(
        4, [] { return ScriptedStep{arbitrary_below(Move::kCount), *rc::gen::arbitrary<uint64_t>()}; });
    action.moves->end = *rc::gen::arbitrary<uint64_t>();
  }
  return action;
}

ScriptedLife arbitrary_life(uint64_t number) {
  ScriptedLife life;
  life.number = number;
  life.draws = {.config = *rc::gen::arbitrary<uint64_t>(),
                .schedule = 1,
                .crash = *rc::gen::arbitrary<uint64_t>(),
                .probe = 2,
                .clock = 3,
                .entropy = *rc::gen::arbitrary<uint64_t>()};
  life.switching = *rc::gen::arbitrary<bool>() ? Switching::kStay : Switching::kDrawn;
  life.switches = some<ScriptedSwitch>(3, [] {
    return ScriptedSwitch{.cause = static_cast<Switches::Cause>(arbitrary_below<uint64_t>(2)),
                          .nth = *rc::gen::arbitrary<uint64_t>(),
                          .fiber = arbitrary_below<uint32_t>(1'000),
                          .action = *rc::gen::arbitrary<uint64_t>(),
                          .to = arbitrary_below<uint32_t>(1'000)};
  });
  uint32_t client_number = 0;
  life.clients = some<ScriptedClient>(3, [&] {
    ScriptedClient client;
    client.number = ++client_number;
    client.fiber = arbitrary_below<uint32_t>(1'000);
    client.seed = *rc::gen::arbitrary<uint64_t>();
    client.end = *rc::gen::arbitrary<uint64_t>();
    uint64_t action_number = 0;
    client.actions = some<ScriptedAction>(3, [&] { return arbitrary_action(++action_number); });
    return client;
  });
  life.chores = some<ScriptedChore>(3, [] {
    return ScriptedChore{arbitrary_below(Chore::kCount), arbitrary_below<uint64_t>(3), arbitrary_below<uint64_t>(3)};
  });
  life.probes =
      some<ScriptedProbe>(2, [] { return ScriptedProbe{arbitrary_place(), *rc::gen::arbitrary<uint64_t>()}; });
  life.faults =
      some<ScriptedFault>(2, [] { return ScriptedFault{arbitrary_below(fault::Kind::kCount), arbitrary_place()}; });
  life.end.how = static_cast<ScriptedEnd::How>(arbitrary_below<uint64_t>(3));
  if (life.end.how != ScriptedEnd::How::kRest && *rc::gen::arbitrary<bool>()) {
    life.end.at = arbitrary_place();
  }
  life.end.image.kind = static_cast<CutImage::Kind>(arbitrary_below<uint64_t>(4));
  life.end.image.metadata = static_cast<CutImage::Metadata>(arbitrary_below<uint64_t>(2));
  life.end.image.sectors = some<ScriptedSector>(5, [] {
    return ScriptedSector{*rc::gen::element<std::string>("tree", "names", "7", "-", "a b", ""),
                          *rc::gen::arbitrary<uint64_t>()};
  });
  return life;
}

Repro arbitrary_repro() {
  Repro repro;
  repro.promise = "a promise in words";
  repro.failure_class = "CHECK failed at wal.cc:12";
  repro.seed = *rc::gen::arbitrary<uint64_t>();
  repro.profile = kProfiles[arbitrary_below<uint64_t>(kProfiles.size())];
  repro.verify = *rc::gen::arbitrary<bool>() ? Verify::kOn : Verify::kOff;
  repro.settings = some<SetValue>(3, [] {
    const Setting& setting = all_settings()[arbitrary_below<uint64_t>(all_settings().size())];
    return SetValue{std::string(setting.name), *rc::gen::inRange<uint64_t>(setting.min, setting.max + 1)};
  });
  uint64_t number = 0;
  repro.script.lives = some<ScriptedLife>(3, [&] { return arbitrary_life(++number); });
  if (!repro.script.lives.empty() && *rc::gen::arbitrary<bool>()) {
    repro.script.lives.back().kind = ScriptedLife::Kind::kLast;
  }
  return repro;
}

RC_GTEST_PROP(ReproText, says_everything_that_a_repro_holds, ()) {
  const Repro repro = arbitrary_repro();
  const auto read = read_repro(write_repro(repro));
  RC_ASSERT(read.has_value());
  RC_ASSERT(*read == repro);
}

RC_GTEST_PROP(ReproText, damaged_text_is_refused_with_its_line_or_says_something_else, ()) {
  std::string text = write_repro(arbitrary_repro());
  for (uint64_t damage = *rc::gen::inRange<uint64_t>(1, 4); damage > 0 && !text.empty(); --damage) {
    const size_t at = *rc::gen::inRange<size_t>(0, text.size());
    if (*rc::gen::arbitrary<bool>()) {
      text[at] = *rc::gen::arbitrary<char>();
    } else {
      text.erase(at, *rc::gen::inRange<size_t>(1, 40));
    }
  }
  const auto read = read_repro(text);
  if (read) {
    RC_ASSERT(read_repro(write_repro(*read)).value() == *read);
  } else {
    RC_ASSERT(read.error().starts_with("line "));
  }
}

TEST(ReproText, hostile_text_is_refused_with_the_line_that_is_wrong) {
  struct Case {
    std::string text;
    std::string error;
  };
  const std::string head = "holdfast repro 1\n";
  const std::array cases = {
      Case{"", "line 1: it is empty"},
      Case{"#\n\n", "line 3: it is empty"},
      Case{"holdfast repro 2\n", "line 1: this version"},
      Case{"seed 1\n", "line 1: expected \"holdfast\""},
      Case{head + "seed\n", "line 2: seed is missing"},
      Case{head + "seed 18446744073709551616\n", "line 2: \"18446744073709551616\" is no seed"},
      Case{head + "seed -1\n", "line 2: \"-1\" is no seed"},
      Case{head + "seed 1 2\n", "line 2: \"2\" is too much"},
      Case{head + "\n# words\nprofile loud\n", "line 4: there is no profile \"loud\""},
      Case{head + "set keys 4\n", "line 2: there is no setting \"keys\""},
      Case{head + "set key_count 0\n", "line 2: key_count is at least 1"},
      Case{head + "set key_count 4000000000\n", "line 2: \"4000000000\" is no key_count"},
      Case{head + "draws config 1\n", "line 2: no life has begun"},
      Case{head + "life 1\ndraws config 1\n", "line 3: expected \"schedule\""},
      Case{head + "life 1\n7 transaction @1\n", "line 3: no client has begun"},
      Case{head + "life 2\nlife 1\n", "line 3: lives are in order"},
      Case{head + "last life 2\nlife 3\n", "line 3: lives are in order"},
      Case{head + "life 1\nclient 99 fiber 1 seed 1 end 1\n", "line 3: \"99\" is no number of a client"},
      Case{head + "life 1\nclient 2 fiber 3 seed 1 end 1\nput @1\n", "line 4: no action has begun"},
      Case{head + "life 1\nclient 2 fiber 3 seed 1 end 1\n3 fly @1\n", "line 4: there is no action \"fly\""},
      Case{head + "life 1\nclient 2 fiber 3 seed 1 end 1\n3 bulk 17\n", "line 4: expected a position"},
      Case{head + "life 1\nends rest before sync 1 of tree fiber 1 action 0\n", "line 3: only a kill"},
      Case{head + "life 1\nends power_cut before sink 1 of tree fiber 1 action 0\n", "line 3: there is no operation"},
      Case{head + "life 1\nends power_cut before sync 1 of tr%4 fiber 1 action 0\n", "line 3: \"tr%4\" is no name"},
      Case{head + "life 1\nfault fire before sync 1 of tree fiber 1 action 0\n", "line 3: there is no fault"},
      Case{head + "life 1\nends rest\n", "line 4: it is cut short"},
      Case{head + "end\nlife 1\n", "line 3: nothing comes behind"},
      Case{head + "sing loudly\n", "line 2: there is no statement \"sing\" here"},
  };
  for (const Case& each : cases) {
    const auto read = read_repro(each.text);
    ASSERT_FALSE(read.has_value()) << each.text;
    EXPECT_THAT(read.error(), StartsWith(each.error)) << each.text;
  }
}

// --- runs that are written down and played again

RunRequest request_of(uint64_t seed, Profile profile) {
  RunRequest request;
  request.seed = seed;
  request.profile = profile;
  return request;
}

TEST(Playback, a_recorded_run_is_the_same_when_it_is_played) {
  FiberStacks stacks;
  for (const Profile profile : {Profile::kDefault, Profile::kCrash, Profile::kSmall, Profile::kPeaceful}) {
    for (uint64_t seed = 1; seed <= 12; ++seed) {
      Script script;
      RunRequest recording = request_of(seed, profile);
      recording.recorded = &script;
      const RunResult drawn = run_seed(seed, profile, stacks);
      const RunResult recorded = run(recording, stacks);
      ASSERT_EQ(recorded.digest, drawn.digest) << "writing it down changed seed " << seed;
      RunRequest playing = request_of(seed, profile);
      playing.played = &script;
      const RunResult played = run(playing, stacks);
      ASSERT_EQ(played.failure, "") << "seed " << seed << " of " << name_of(profile);
      ASSERT_EQ(played.events, drawn.events) << "seed " << seed << " of " << name_of(profile);
      ASSERT_EQ(played.digest, drawn.digest) << "seed " << seed << " of " << name_of(profile);
    }
  }
}

// The rows that the last life of the process finds.
std::vector<Row> last_rows(const RunRequest& plain, FiberStacks& stacks, size_t lives) {
  std::vector<Row> rows;
  RunRequest request = plain;
  size_t life = 0;
  request.also_promised = [&](const Contents& contents, const Model&, bool) -> Verdict {
    if (++life == lives) {
      for (const Contents::Bucket& bucket : contents.buckets) {
        rows.insert(rows.end(), bucket.rows.begin(), bucket.rows.end());
      }
    }
    return std::nullopt;
  };
  EXPECT_EQ(run(request, stacks).failure, "");
  return rows;
}

TEST(Playback, leaving_an_operation_out_leaves_the_others_the_same) {
  FiberStacks stacks;
  uint64_t left_out = 0;
  for (uint64_t seed = 1; seed <= 60 && left_out < 6; ++seed) {
    Script script;
    RunRequest request = request_of(seed, Profile::kPeaceful);
    request.recorded = &script;
    ASSERT_EQ(run(request, stacks).failure, "");
    request.recorded = nullptr;
    request.played = &script;
    if (script.lives.size() != 2 || script.lives[0].clients.size() != 1) {
      continue;
    }
    const std::vector<Row> all = last_rows(request, stacks, 2);
    // One that writes nothing, and draws how much it reads.
    std::vector<ScriptedAction>& actions = script.lives[0].clients[0].actions;
    const auto reader = std::ranges::find(actions, Action::kView, &ScriptedAction::action);
    if (reader == actions.end() || all.empty()) {
      continue;
    }
    actions.erase(reader);
    ASSERT_EQ(last_rows(request, stacks, 2), all) << "seed " << seed;
    ++left_out;
  }
  EXPECT_EQ(left_out, 6U);
}

CutImage image_of(CutImage::Kind kind) {
  CutImage image;
  image.kind = kind;
  return image;
}

TEST(Playback, an_image_of_everything_or_nothing_is_one_for_sure) {
  auto [disk, file] = one_file(sectors('a', 8));
  write(disk, file, 0, sectors('b', 8));
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Decisions decisions(seed);
    EXPECT_EQ(letters(disk.power_cut(decisions, image_of(CutImage::Kind::kEverything)), file), "bbbbbbbb");
    EXPECT_EQ(letters(disk.power_cut(decisions, image_of(CutImage::Kind::kNothing)), file), "aaaaaaaa");
    CutImage listed = image_of(CutImage::Kind::kListed);
    listed.sectors = {{file, 1}, {file, 6}};
    std::vector<CutImage::Sector> kept;
    EXPECT_EQ(letters(disk.power_cut(decisions, listed, &kept), file), "abaaaaba");
    ASSERT_EQ(kept.size(), 2U);
    EXPECT_EQ(kept[0].number, 1U);
    EXPECT_EQ(kept[1].number, 6U);
  }
}

// A schedule, written down by its switches or played from them.
class SwitchList final : public Switches {
 public:
  struct At {
    uint32_t fiber;
    Cause cause;
    uint64_t nth;
    auto operator<=>(const At&) const = default;
  };
  std::map<At, uint32_t> list;
  bool plays = false;

  uint32_t next(uint32_t fiber, Cause cause) override {
    const At at{fiber, cause, ++counts_[{fiber, cause, 0}]};
    return plays && list.contains(at) ? list.at(at) : 0;
  }
  void switched(uint32_t fiber, Cause cause, uint32_t to) override {
    if (!plays) {
      list[{fiber, cause, counts_.at({fiber, cause, 0})}] = to;
    }
  }

 private:
  std::map<At, uint64_t> counts_;
};

std::string order_of(const ScheduleOptions& options) {
  Decisions decisions(5);
  Trace trace;
  VirtualTime time;
  FiberStacks stacks;
  Scheduler scheduler(decisions, trace, time, stacks, options);
  std::string order;
  for (char name = 'a'; name < 'e'; ++name) {
    scheduler.spawn(std::string(1, name), [&order, name] {
      for (int step = 0; step < 40; ++step) {
        order += name;
        Scheduler::running()->yield(step % 2 == 0 ? Point::kAtomic : Point::kOperation);
      }
    });
  }
  EXPECT_EQ(scheduler.run(), std::nullopt);
  return order;
}

TEST(Playback, fibers_that_stay_but_for_the_switches_of_a_schedule_run_as_it_did) {
  ScheduleOptions drawn;
  drawn.mean_points = 2;
  drawn.mean_atomics = 2;
  SwitchList recorded;
  drawn.switches = &recorded;
  const std::string order = order_of(drawn);
  EXPECT_GT(recorded.list.size(), 20U);

  SwitchList played;
  played.list = recorded.list;
  played.plays = true;
  ScheduleOptions staying;
  staying.strategy = Strategy::kStay;
  staying.switches = &played;
  // Who begins is no switch.
  const auto first = static_cast<size_t>(order[0] - 'a');
  EXPECT_EQ(first, 0U);
  EXPECT_EQ(order_of(staying), order);
  played.list.clear();
  const auto all = [](char name) { return std::string(40, name); };
  EXPECT_EQ(order_of(staying), all('a') + all('b') + all('c') + all('d'));
}

// --- attempts and their classes

TEST(FailureClass, is_the_account_without_what_changes_from_run_to_run) {
  EXPECT_EQ(failure_class("lost update: client 4 (transaction 5) read \"k000001\" of bucket \"bucket1\""),
            failure_class("lost update: client 1 (transaction 17) read \"q\" of bucket \"bucket5\""));
  EXPECT_EQ(failure_class("pages 1, 2, 3 are lost"), failure_class("pages 17, 4 are lost"));
  EXPECT_NE(failure_class("pages 1, 2 are lost"), failure_class("pages 1, 2 are found"));
  EXPECT_EQ(failure_class("it died of Aborted; it wrote: holdfast: CHECK failed: a < 7 at /x/engine/wal/lane.cc:71\n"),
            "CHECK failed at lane.cc:71");
}

TEST(Attempt, a_run_that_aborts_is_an_outcome_with_its_script) {
  Script script;
  RunRequest request = request_of(1, Profile::kCrash);
  request.recorded = &script;
  int lives = 0;
  request.also_promised = [&](const Contents&, const Model&, bool) -> Verdict {
    CHECK(++lives < 2);
    return std::nullopt;
  };
  const Outcome outcome = attempt(request, 60);
  EXPECT_THAT(outcome.account, HasSubstr("Aborted"));
  EXPECT_THAT(outcome.failure_class, StartsWith("CHECK failed at shrink_test.cc:"));
  EXPECT_FALSE(script.lives.empty());
}

TEST(Attempt, a_run_that_takes_too_long_is_an_outcome) {
  RunRequest request = request_of(1, Profile::kCrash);
  request.also_promised = [](const Contents&, const Model&, bool) -> Verdict {
    for (;;) {
      ::pause();
    }
  };
  EXPECT_EQ(attempt(request, 1).account, "it did not end within 1 s");
}

// --- shrinking

// An engine that may not keep this key across a power cut: any run that does is a failure to be made small.
Verdict keeps_no_third_key(const Contents& contents, const Model& model, bool cut) {
  for (const Contents::Bucket& bucket : contents.buckets) {
    for (const Row& row : bucket.rows) {
      if (cut && model.bucket_name(bucket.bucket) != Oracle::kLedger && row.key.ends_with('3')) {
        return "after commit " + std::to_string(contents.csn) + " a power cut left the key \"" + row.key + "\"";
      }
    }
  }
  return std::nullopt;
}

TEST(Shrink, keeps_the_failure_and_little_else) {
  FiberStacks stacks;
  uint64_t shrunk = 0;
  for (uint64_t seed = 1; seed <= 200 && shrunk < 3; ++seed) {
    ShrinkOptions options;
    options.seed = seed;
    options.profile = Profile::kCrash;
    options.also_promised = keeps_no_third_key;
    options.attempts_max = 2'000;
    RunRequest request = request_of(seed, Profile::kCrash);
    request.also_promised = keeps_no_third_key;
    if (run(request, stacks).failure.empty()) {
      continue;
    }
    const ShrinkReport report = shrink(options, [](const ShrinkReport&) {}, [] { return false; });
    ASSERT_TRUE(report.repro.has_value()) << report.outcome.account;
    EXPECT_THAT(report.outcome.account, HasSubstr("a power cut left the key"));
    EXPECT_EQ(report.after.crashes, 1U) << "seed " << seed;
    EXPECT_LE(report.after.lives, 2U) << "seed " << seed;
    EXPECT_LE(report.after.clients, 1U) << "seed " << seed;
    EXPECT_LE(report.after.actions, 1U) << "seed " << seed;
    EXPECT_LE(report.after.actions * 4, report.before.actions) << "seed " << seed;
    // What is in the file is all that it takes.
    const auto read = read_repro(write_repro(*report.repro));
    ASSERT_TRUE(read.has_value()) << read.error();
    RunRequest again = sim::request_of(*read);
    again.also_promised = keeps_no_third_key;
    const RunResult result = run(again, stacks);
    EXPECT_EQ(failure_class(result.failure), read->failure_class);
    EXPECT_EQ(result.digest, report.outcome.digest);
    ++shrunk;
  }
  EXPECT_EQ(shrunk, 3U);
}

TEST(Shrink, a_seed_that_keeps_every_promise_has_no_repro) {
  ShrinkOptions options;
  options.seed = 1;
  options.profile = Profile::kSmall;
  const ShrinkReport report = shrink(options, [](const ShrinkReport&) {}, [] { return false; });
  EXPECT_FALSE(report.repro.has_value());
  EXPECT_EQ(report.outcome.account, "");
}

TEST(Shrink, who_stops_it_has_what_was_reached) {
  ShrinkOptions options;
  options.seed = 1;
  options.profile = Profile::kCrash;
  options.also_promised = [](const Contents& contents, const Model&, bool) -> Verdict {
    return contents.csn > 3 ? Verdict("a state after commit " + std::to_string(contents.csn)) : std::nullopt;
  };
  uint64_t asked = 0;
  const ShrinkReport report = shrink(options, [](const ShrinkReport&) {}, [&] { return ++asked > 5; });
  EXPECT_TRUE(report.interrupted);
  EXPECT_LE(report.attempts, 5U);
  EXPECT_TRUE(report.repro.has_value());
}

}  // namespace
}  // namespace holdfast::sim
