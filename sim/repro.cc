#include "sim/repro.h"

#include <fmt/format.h>

#include "fault/table.h"

namespace holdfast::sim {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

// One word: bytes that would break it up are written as %xx.
std::string word_of(std::string_view name) {
  std::string word;
  for (const char each : name) {
    const auto byte = static_cast<unsigned char>(each);
    if (byte <= ' ' || byte > '~' || byte == '%' || byte == '#' || (byte == '-' && name.size() == 1)) {
      word += '%';
      word += kHexDigits[byte >> 4U];
      word += kHexDigits[byte & 15U];
    } else {
      word += each;
    }
  }
  return word.empty() ? "-" : word;
}

std::string place_of(const IoPoint& at) {
  return fmt::format("{} {} {} of {} fiber {} action {}", at.moment == Moment::kBefore ? "before" : "after",
                     name_of(at.kind), at.nth, word_of(at.file), at.fiber, at.action);
}

void write_client(std::string& text, const ScriptedClient& client) {
  text += fmt::format("\nclient {} fiber {} seed {} end {}\n", client.number, client.fiber, client.seed, client.end);
  for (const ScriptedAction& action : client.actions) {
    text += fmt::format("  {} {} @{}{}\n", action.number, name_of(action.action), action.position,
                        action.cause == ScriptedAction::Cause::kFollows ? " follows" : "");
    if (action.moves) {
      for (const ScriptedStep& step : action.moves->steps) {
        text += fmt::format("     {} @{}\n", name_of(step.move), step.position);
      }
      text += fmt::format("     done @{}\n", action.moves->end);
    }
  }
}

std::string_view name_of(ScriptedEnd::How how) {
  switch (how) {
    case ScriptedEnd::How::kRest: return "rest";
    case ScriptedEnd::How::kKill: return "kill";
    case ScriptedEnd::How::kPowerCut: return "power_cut";
  }
  return "";
}

// A file whose name could be taken for something else in an image.
std::string file_in_image(const std::string& file) {
  std::string word = word_of(file);
  const bool misleads = word == "names" || (word.front() >= '0' && word.front() <= '9');
  return misleads ? fmt::format("%{:02x}{}", static_cast<unsigned char>(word.front()), word.substr(1)) : word;
}

void write_image(std::string& text, const ScriptedImage& image) {
  if (image == ScriptedImage()) {
    return;
  }
  text +=
      fmt::format(" leaving {}{}", name_of(image.kind), image.metadata == CutImage::Metadata::kKept ? " names" : "");
  const std::string* file = nullptr;
  for (const ScriptedSector& sector : image.sectors) {
    if (file == nullptr || *file != sector.file) {
      file = &sector.file;
      text += ' ' + file_in_image(sector.file);
    }
    text += fmt::format(" {}", sector.number);
  }
}

void write_life(std::string& text, const ScriptedLife& life) {
  const LifeDraws& draws = life.draws;
  text += fmt::format("\n{} {}\n", life.kind == ScriptedLife::Kind::kLast ? "last life" : "life", life.number);
  text += fmt::format("draws config {} schedule {} crash {} probe {} clock {} entropy {}\n", draws.config,
                      draws.schedule, draws.crash, draws.probe, draws.clock, draws.entropy);
  text += fmt::format("switching {}\n", life.switching == Switching::kStay ? "stay" : "drawn");
  for (const ScriptedSwitch& each : life.switches) {
    text += fmt::format("switch at {} {} fiber {} action {} to {}\n",
                        each.cause == Switches::Cause::kPoint ? "point" : "wait", each.nth, each.fiber, each.action,
                        each.to);
  }
  for (const ScriptedClient& client : life.clients) {
    write_client(text, client);
  }
  text += life.clients.empty() ? "" : "\n";
  for (const ScriptedChore& chore : life.chores) {
    text += fmt::format("chore {}", name_of(chore.chore));
    text += chore.next_copy == 0 && chore.next_loss == 0
                ? "\n"
                : fmt::format(" copy {} loss {}\n", chore.next_copy, chore.next_loss);
  }
  for (const ScriptedProbe& probe : life.probes) {
    text += fmt::format("probe {} copy {}\n", place_of(probe.at), probe.copy);
  }
  for (const ScriptedFault& fault : life.faults) {
    text += fmt::format("fault {} {}\n", fault::info(fault.kind).name, place_of(fault.at));
  }
  text += fmt::format("ends {}", name_of(life.end.how));
  if (life.end.at) {
    text += ' ' + place_of(*life.end.at);
  }
  write_image(text, life.end.image);
  text += '\n';
}

// A line of its own cannot be longer than a line.
std::string line_of(std::string_view text) {
  std::string line(text);
  for (char& each : line) {
    each = each == '\n' || each == '\r' ? ' ' : each;
  }
  return line;
}

}  // namespace

RunRequest request_of(const Repro& repro) {
  RunRequest request;
  request.seed = repro.seed;
  request.profile = repro.profile;
  request.settings = repro.settings;
  request.played = &repro.script;
  return request;
}

std::string write_repro(const Repro& repro) {
  std::string text = "holdfast repro 1\n";
  text += "promise " + line_of(repro.promise) + '\n';
  text += "class " + line_of(repro.failure_class) + '\n';
  text += fmt::format("seed {}\nprofile {}\nverify {}\n", repro.seed, name_of(repro.profile),
                      repro.verify == Verify::kOn ? "ON" : "OFF");
  for (const SetValue& setting : repro.settings) {
    text += fmt::format("set {} {}\n", setting.name, setting.value);
  }
  for (const ScriptedLife& life : repro.script.lives) {
    write_life(text, life);
  }
  text += "end\n";
  return text;
}

}  // namespace holdfast::sim
