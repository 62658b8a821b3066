// See repro.h: from text, which may be anybody's.
#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "fault/table.h"
#include "sim/repro.h"

namespace holdfast::sim {

namespace {

constexpr uint64_t kNumberMax = ~uint64_t{0};
constexpr uint64_t kClientsMax = 64;
constexpr uint64_t kFibersMax = 1'000;

struct Bad {
  std::string what;
};

// The words of one line, taken one after the other.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) { skip(); }

  bool empty() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  std::string_view peek() const { return rest_.substr(0, rest_.find_first_of(" \t")); }
  std::string_view next(std::string_view what) {
    if (empty()) {
      throw_away(fmt::format("{} is missing", what));
    }
    const std::string_view word = peek();
    rest_.remove_prefix(word.size());
    skip();
    return word;
  }
  bool take(std::string_view word) {
    if (peek() != word || empty()) {
      return false;
    }
    next(word);
    return true;
  }
  void demand(std::string_view word) {
    if (!take(word)) {
      throw_away(fmt::format("expected \"{}\", found \"{}\"", word, peek()));
    }
  }
  uint64_t number(std::string_view what, uint64_t max = kNumberMax) { return number_of(next(what), what, max); }
  uint64_t named_number(std::string_view name, uint64_t max = kNumberMax) {
    demand(name);
    return number(name, max);
  }
  uint64_t position() {
    const std::string_view word = next("a position");
    if (!word.starts_with('@')) {
      throw_away(fmt::format("expected a position such as @57, found \"{}\"", word));
    }
    return number_of(word.substr(1), "a position", kNumberMax);
  }
  template <class T>
  T named(std::optional<T> (*find)(std::string_view), std::string_view what) {
    const std::string_view word = next(what);
    const std::optional<T> found = find(word);
    if (!found) {
      throw_away(fmt::format("there is no {} \"{}\"", what, word));
    }
    return *found;
  }

  [[noreturn]] static void throw_away(std::string what) { throw Bad{std::move(what)}; }

 private:
  void skip() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }
  static uint64_t number_of(std::string_view word, std::string_view what, uint64_t max) {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size() || value > max) {
      throw_away(fmt::format("\"{}\" is no {} (a number up to {})", word, what, max));
    }
    return value;
  }

  std::string_view rest_;
};

int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

std::string name_of_word(std::string_view word) {
  std::string name;
  if (word == "-") {
    return name;
  }
  for (size_t at = 0; at < word.size(); ++at) {
    if (word[at] != '%') {
      name += word[at];
      continue;
    }
    const int high = at + 2 < word.size() ? hex_digit(word[at + 1]) : -1;
    const int low = at + 2 < word.size() ? hex_digit(word[at + 2]) : -1;
    if (high < 0 || low < 0) {
      Words::throw_away(fmt::format("\"{}\" is no name: % stands before two digits", word));
    }
    name += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return name;
}

IoPoint read_place(Words& words) {
  IoPoint at;
  if (words.take("after")) {
    at.moment = Moment::kAfter;
  } else {
    words.demand("before");
  }
  at.kind = words.named(io_kind_named, "operation");
  at.nth = words.number("count");
  words.demand("of");
  at.file = name_of_word(words.next("a file"));
  at.fiber = static_cast<uint32_t>(words.named_number("fiber", kFibersMax));
  at.action = words.named_number("action");
  return at;
}

class Reader {
 public:
  void line(Words words) {
    if (!begun_) {
      words.demand("holdfast");
      words.demand("repro");
      if (words.number("version") != 1) {
        Words::throw_away("this version of the format is unknown");
      }
      begun_ = true;
    } else if (ended_) {
      Words::throw_away("nothing comes behind \"end\"");
    } else if (words.take("end")) {
      ended_ = true;
    } else if (words.take("promise")) {
      repro_.promise = words.rest();
      return;
    } else if (words.take("class")) {
      repro_.failure_class = words.rest();
      return;
    } else if (!header(words) && !life(words) && !client(words)) {
      Words::throw_away(fmt::format("there is no statement \"{}\" here", words.peek()));
    }
    if (!words.empty()) {
      Words::throw_away(fmt::format("\"{}\" is too much", words.rest()));
    }
  }

  Repro take() {
    if (!begun_) {
      Words::throw_away("it is empty");
    }
    if (!ended_) {
      Words::throw_away("it is cut short: the last line is \"end\"");
    }
    return std::move(repro_);
  }

 private:
  bool header(Words& words) {
    if (words.take("seed")) {
      repro_.seed = words.number("seed");
    } else if (words.take("profile")) {
      repro_.profile = words.named(profile_named, "profile");
    } else if (words.take("verify")) {
      repro_.verify = words.take("ON") ? Verify::kOn : (words.demand("OFF"), Verify::kOff);
    } else if (words.take("set")) {
      const std::string_view name = words.next("a setting");
      const Setting* setting = setting_named(name);
      if (setting == nullptr) {
        Words::throw_away(fmt::format("there is no setting \"{}\"", name));
      }
      const uint64_t value = words.number(name, setting->max);
      if (value < setting->min) {
        Words::throw_away(fmt::format("{} is at least {}", name, setting->min));
      }
      repro_.settings.push_back({std::string(name), value});
    } else {
      return false;
    }
    return true;
  }

  ScriptedLife& in_life() {
    if (repro_.script.lives.empty()) {
      Words::throw_away("no life has begun");
    }
    return repro_.script.lives.back();
  }
  ScriptedClient& in_client() {
    if (in_life().clients.empty()) {
      Words::throw_away("no client has begun");
    }
    return repro_.script.lives.back().clients.back();
  }

  bool life(Words& words) {
    if (words.peek() == "life" || words.peek() == "last") {
      begin_life(words);
    } else if (words.take("draws")) {
      LifeDraws& draws = in_life().draws;
      draws.config = words.named_number("config");
      draws.schedule = words.named_number("schedule");
      draws.crash = words.named_number("crash");
      draws.probe = words.named_number("probe");
      draws.clock = words.named_number("clock");
      draws.entropy = words.named_number("entropy");
    } else if (words.take("switching")) {
      in_life().switching = words.take("stay") ? Switching::kStay : (words.demand("drawn"), Switching::kDrawn);
    } else if (words.take("switch")) {
      words.demand("at");
      ScriptedSwitch& each = in_life().switches.emplace_back();
      each.cause = words.take("point") ? Switches::Cause::kPoint : (words.demand("wait"), Switches::Cause::kWait);
      each.nth = words.number("count");
      each.fiber = static_cast<uint32_t>(words.named_number("fiber", kFibersMax));
      each.action = words.named_number("action");
      each.to = static_cast<uint32_t>(words.named_number("to", kFibersMax));
    } else if (words.take("chore")) {
      ScriptedChore& chore = in_life().chores.emplace_back();
      chore.chore = words.named(chore_named, "chore");
      if (!words.empty()) {
        chore.next_copy = words.named_number("copy");
        chore.next_loss = words.named_number("loss");
      }
    } else if (words.take("probe")) {
      const IoPoint at = read_place(words);
      in_life().probes.push_back({at, words.named_number("copy")});
    } else if (words.take("fault")) {
      const std::string_view name = words.next("a fault");
      const auto found = std::ranges::find(fault::kFaults, name, &fault::FaultInfo::name);
      if (found == std::end(fault::kFaults)) {
        Words::throw_away(fmt::format("there is no fault \"{}\"", name));
      }
      in_life().faults.push_back({found->kind, read_place(words)});
    } else if (words.take("ends")) {
      read_end(words, in_life().end);
    } else {
      return false;
    }
    return true;
  }

  void begin_life(Words& words) {
    const bool last = words.take("last");
    words.demand("life");
    const uint64_t number = words.number("number of a life");
    auto& lives = repro_.script.lives;
    if (!lives.empty() && (lives.back().kind == ScriptedLife::Kind::kLast || lives.back().number >= number)) {
      Words::throw_away("lives are in order, and nothing follows the last");
    }
    lives.emplace_back();
    lives.back().number = number;
    lives.back().kind = last ? ScriptedLife::Kind::kLast : ScriptedLife::Kind::kLife;
  }

  static void read_end(Words& words, ScriptedEnd& end) {
    if (words.take("kill")) {
      end.how = ScriptedEnd::How::kKill;
    } else if (words.take("power_cut")) {
      end.how = ScriptedEnd::How::kPowerCut;
    } else {
      words.demand("rest");
    }
    if (words.peek() == "before" || words.peek() == "after") {
      end.at = read_place(words);
    }
    if (end.how == ScriptedEnd::How::kRest && end.at) {
      Words::throw_away("only a kill or a power cut has a place");
    }
    if (words.take("leaving")) {
      read_image(words, end.image);
    }
  }

  static void read_image(Words& words, ScriptedImage& image) {
    image.kind = words.named(cut_image_named, "image");
    image.metadata = words.take("names") ? CutImage::Metadata::kKept : CutImage::Metadata::kLost;
    while (!words.empty()) {
      const std::string file = name_of_word(words.next("a file"));
      do {
        image.sectors.push_back({file, words.number("number of a sector")});
      } while (!words.empty() && words.peek().front() >= '0' && words.peek().front() <= '9');
    }
  }

  bool client(Words& words) {
    if (words.take("client")) {
      ScriptedLife& life = in_life();
      ScriptedClient client;
      client.number = static_cast<uint32_t>(words.number("number of a client", kClientsMax));
      client.fiber = static_cast<uint32_t>(words.named_number("fiber", kFibersMax));
      client.seed = words.named_number("seed");
      client.end = words.named_number("end");
      if (!life.clients.empty() && life.clients.back().number >= client.number) {
        Words::throw_away("clients are in order");
      }
      life.clients.push_back(std::move(client));
    } else if (!words.empty() && words.peek().front() >= '0' && words.peek().front() <= '9') {
      ScriptedAction action;
      action.number = words.number("number of an action");
      action.action = words.named(action_named, "action");
      action.position = words.position();
      action.cause = words.take("follows") ? ScriptedAction::Cause::kFollows : ScriptedAction::Cause::kDrawn;
      if (!in_client().actions.empty() && in_client().actions.back().number >= action.number) {
        Words::throw_away("actions are in order");
      }
      in_client().actions.push_back(std::move(action));
    } else if (words.take("done")) {
      moves().end = words.position();
    } else if (move_named(words.peek())) {
      const Move move = *move_named(words.next("move"));
      moves().steps.push_back({move, words.position()});
    } else {
      return false;
    }
    return true;
  }

  ScriptedSteps& moves() {
    if (in_client().actions.empty()) {
      Words::throw_away("no action has begun");
    }
    ScriptedAction& action = in_client().actions.back();
    if (!action.moves) {
      action.moves.emplace();
    }
    return *action.moves;
  }

  Repro repro_;
  bool begun_ = false;
  bool ended_ = false;
};

}  // namespace

std::expected<Repro, std::string> read_repro(std::string_view text) {
  if (text.size() > kReproBytesMax) {
    return std::unexpected(fmt::format("line 1: longer than {} bytes", kReproBytesMax));
  }
  Reader reader;
  uint64_t line = 0;
  try {
    while (!text.empty()) {
      ++line;
      std::string_view statement = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(statement.size() + 1, text.size()));
      if (statement.ends_with('\r')) {
        statement.remove_suffix(1);
      }
      const Words words(statement);
      if (!words.empty() && words.peek().front() != '#') {
        reader.line(words);
      }
    }
    ++line;
    return reader.take();
  } catch (const Bad& bad) {
    return std::unexpected(fmt::format("line {}: {}", line, bad.what));
  }
}

}  // namespace holdfast::sim
