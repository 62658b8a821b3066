// Judge: opens each crash image of a recording with the engine on the real file system, and says what is wrong with it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/reality/crash_images.h"
#include "tests/reality/recording.h"

namespace holdfast::reality {

// It opens, is sound, and shows all that was durable at that moment, and nothing else but a step that had begun, as a
// whole. Each image is opened once; what is allowed is asked at every moment.
class Judge final : public CrashWatcher {
 public:
  enum class Until : uint8_t { kEnd, kFirstFailure };
  Judge(const Recording& recording, Until until)
      : recording_(recording), until_(until), env_(posix_env(), 1), options_(recording.options) {
    options_.env = &env_;
    created_ = !options_.create_if_missing;
  }

  void mark(uint64_t number) override {
    begun_ = std::max(begun_, number / 2);
    if (number % 2 == 1) {
      created_ = true;
      durable_ = number / 2;
    }
  }
  bool image(const CrashImage& image) override {
    ++images_;
    const auto [found, is_new] = seen_.try_emplace({image.hash, created_});
    if (is_new) {
      found->second = look(image.disk);
    }
    std::string broken = found->second.broken;
    const auto states = allowed();
    if (broken.empty() && std::ranges::find(states, found->second.shown) == states.end()) {
      broken = "it shows neither what was durable (step " + std::to_string(durable_) +
               ") nor that and what had begun (step " + std::to_string(begun_) + ")";
    }
    if (!broken.empty()) {
      ++failures_;
      if (first_failure_.empty()) {
        first_failure_ = image.description() + ": " + broken;
      }
    }
    return failures_ == 0 || until_ == Until::kEnd;
  }

  uint64_t images() const { return images_; }
  uint64_t different_images() const { return seen_.size(); }
  uint64_t failures() const { return failures_; }
  const std::string& first_failure() const { return first_failure_; }

  // What may be shown at this moment.
  std::vector<std::string> allowed() const {
    const auto from = recording_.shown.begin() + static_cast<ptrdiff_t>(durable_);
    return {from, recording_.shown.begin() + static_cast<ptrdiff_t>(begun_) + 1};
  }
  bool created() const { return created_; }

 private:
  struct Seen {
    std::string broken;
    std::string shown;
  };
  Seen look(const sim::SimDisk& disk) {
    const std::string path = scratch_.path("image");
    materialise(files_of(disk), path);
    options_.create_if_missing = !created_;
    auto database = Database::open(path, options_);
    if (!database) {
      return {"opening it answered " + database.error().to_string(), {}};
    }
    Seen seen{{}, Shown::of(*database)};
    const auto report = database->check();
    if (!report) {
      seen.broken = "check answered " + report.error().to_string();
    } else if (!report->damage.empty()) {
      seen.broken = "check found: " + report->damage.front().file + ": " + report->damage.front().what;
    } else if (report->awaiting_pages != 0) {
      seen.broken = "pages await nobody";
    } else if (const auto closed = database->close(); !closed) {
      seen.broken = "close answered " + closed.error().to_string();
    }
    return seen;
  }

  const Recording& recording_;
  Until until_;
  ScratchDirectory scratch_;
  FixedEnv env_;
  Options options_;
  bool created_ = false;
  uint64_t durable_ = 0;
  uint64_t begun_ = 0;
  std::map<std::pair<uint64_t, bool>, Seen> seen_;
  uint64_t images_ = 0;
  uint64_t failures_ = 0;
  std::string first_failure_;
};

}  // namespace holdfast::reality
