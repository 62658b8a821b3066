// The page of a run holds what a reader needs to see why something is missing.
#include "sim/report.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/planted.h"

namespace holdfast::sim {
namespace {

using nlohmann::json;

struct Page {
  RunResult result;
  std::string text;
  json data;
};

Page page_of(uint64_t seed, Profile profile) {
  Recorder recorder;
  FiberStacks stacks;
  RunRequest request;
  request.seed = seed;
  request.profile = profile;
  request.observer = &recorder;
  Page page;
  page.result = run(request, stacks);
  page.text = report_page({"seed, profile", "holdfast-sim replay"}, page.result, recorder);
  const std::string begin = "<script id=\"data\" type=\"application/json\">";
  const size_t from = page.text.find(begin) + begin.size();
  page.data = json::parse(page.text.substr(from, page.text.find("</script>", from) - from));
  return page;
}

TEST(Report, is_one_page_that_asks_for_nothing_else) {
  const Page page = page_of(1, Profile::kSmall);
  EXPECT_EQ(page.result.failure, "");
  EXPECT_TRUE(page.text.starts_with("<!doctype html>"));
  EXPECT_TRUE(page.text.ends_with("</html>\n"));
  for (const char* const outside : {"http:", "https:", "src=", "@import", "url("}) {
    EXPECT_EQ(page.text.find(outside), std::string::npos) << outside;
  }
  EXPECT_EQ(page.data["failure"], "");
  EXPECT_EQ(page.data["omitted"].get<uint64_t>() + page.data["events"].size(), page.result.events);
}

TEST(Report, a_run_is_the_same_with_an_observer) {
  const Page page = page_of(3, Profile::kSmall);
  FiberStacks stacks;
  EXPECT_EQ(page.result.digest, run_seed(3, Profile::kSmall, stacks).digest);
}

// In a process of its own: a broken promise leaves fibers behind.
TEST(Report, what_a_missing_sync_let_the_power_cut_take_is_in_it) {
  EXPECT_EXIT(
      {
        planted::active = planted::Bug::kLogSync;
        const Page page = page_of(2, Profile::kCrash);
        bool lost = false;
        for (const json& file : page.data["cut"]["files"]) {
          const std::string name = file["name"];
          lost = lost || (name.starts_with("wal-") && !file["lost"].empty());
        }
        const bool good = !page.result.failure.empty() && page.data["failure"] == page.result.failure && lost &&
                          page.data["cut"]["number"].get<uint64_t>() > 0;
        _exit(good ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace holdfast::sim
