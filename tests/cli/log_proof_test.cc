// log prove, log export: what leaves the database can be checked without it.
#include <cstdlib>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <holdfast/proof.h>

#include "log/compact_range.h"
#include "log/tiles.h"
#include "tests/cli/harness.h"

namespace holdfast::cli_test {
namespace {

class CommandLogProof : public Command {
 protected:
  void SetUp() override {
    create();
    ASSERT_EQ(holdfast({"keygen", "--name", "example.com/audit", "--out", file("key")}).exit_code, 0);
    fill(600);
  }
  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  void fill(uint64_t count) {
    std::string lines;
    for (uint64_t at = 0; at < count; ++at) lines += "event " + std::to_string(records_++) + "\n";
    ASSERT_EQ(holdfast({"log", "append", database_, "audit", "-"}, lines).exit_code, 0);
  }
  Outcome prove(std::vector<std::string> args) {
    args.insert(args.begin(), {"log", "prove", database_, "audit", "--key", file("key")});
    return holdfast(args);
  }
  Outcome verify(std::vector<std::string> args) {
    args.insert(args.begin(), {"verify-proof", "--key", file("key.pub")});
    return holdfast(args);
  }
  Outcome export_to(const std::string& directory) {
    return holdfast({"log", "export", database_, "audit", directory, "--key", file("key")});
  }
  // The second verifier, which shares no line with the engine. Where there is no Python, nobody asks it.
  static bool agrees_in_python(const std::string& arguments) {
#ifdef HOLDFAST_PYTHON
    const std::string script = std::string(HOLDFAST_TESTS_DIR) + "/examples/verify_proof.py";
    return std::system((HOLDFAST_PYTHON " -B " + script + " " + arguments + " > /dev/null").c_str()) == 0;
#else
    return !arguments.empty();
#endif
  }
  proof::Checkpoint checkpoint_in(const std::string& directory) const {
    std::string key = read_file(file("key.pub"));
    key.pop_back();
    const auto checkpoint = proof::open_checkpoint(read_file(directory + "/checkpoint"),
                                                   *proof::parse_verifier_key(key), "example.com/audit");
    EXPECT_TRUE(checkpoint.has_value()) << checkpoint.error().message;
    return checkpoint.value_or(proof::Checkpoint());
  }
  // All files below a directory, by their paths in it.
  static std::map<std::string, std::string> files_in(const std::string& directory) {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
      if (entry.is_regular_file()) {
        files[std::filesystem::relative(entry.path(), directory).string()] = read_file(entry.path());
      }
    }
    return files;
  }

  uint64_t records_ = 0;
};

TEST_F(CommandLogProof, a_record_is_proved_to_both_verifiers) {
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"0"}, {"321"}, {"599"}, {"5", "--size", "6"}, {"200", "--size", "257"}}) {
    const Outcome made = prove(args);
    ASSERT_EQ(made.exit_code, 0) << made.err;
    write_file(file("proof"), made.out);
    write_file(file("payload"), "event " + args[0]);
    const Outcome checked = verify({file("proof"), "--payload", file("payload")});
    EXPECT_EQ(checked.exit_code, 0) << checked.err;
    EXPECT_TRUE(checked.out.starts_with("proved: record " + args[0] + " of example.com/audit")) << checked.out;
    EXPECT_TRUE(agrees_in_python(file("proof") + " --payload " + file("payload")));
    write_file(file("payload"), "another event");
    EXPECT_EQ(verify({file("proof"), "--payload", file("payload")}).exit_code, 4);
  }
}

TEST_F(CommandLogProof, growth_is_proved_from_a_kept_note) {
  write_file(file("note"), holdfast({"log", "head", database_, "audit", "--key", file("key")}).out);
  fill(300);
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"--from-size", "600"}, {"--from-size", "600", "--size", "777"}, {"--from-size", "600", "--size", "600"}}) {
    const Outcome made = prove(args);
    ASSERT_EQ(made.exit_code, 0) << made.err;
    write_file(file("proof"), made.out);
    const Outcome checked = verify({file("proof"), "--old", file("note")});
    EXPECT_EQ(checked.exit_code, 0) << checked.err;
    EXPECT_TRUE(agrees_in_python(file("proof") + " --old " + file("note")));
  }
  write_file(file("proof"), prove({"--from-size", "599"}).out);
  EXPECT_EQ(verify({file("proof"), "--old", file("note")}).exit_code, 4);
}

TEST_F(CommandLogProof, an_origin_of_its_own_is_signed_and_asked_for) {
  write_file(file("proof"), prove({"7", "--origin", "example.com/other"}).out);
  EXPECT_EQ(verify({file("proof")}).exit_code, 4);
  EXPECT_EQ(verify({file("proof"), "--origin", "example.com/other"}).exit_code, 0);
}

TEST_F(CommandLogProof, a_redacted_record_is_proved_like_any_other) {
  const std::string before = prove({"17"}).out;
  ASSERT_EQ(holdfast({"log", "redact", database_, "audit", "17", "--yes"}).exit_code, 0);
  EXPECT_EQ(prove({"17"}).out, before);
}

TEST_F(CommandLogProof, a_tampered_record_gets_no_proof) {
  const auto path = std::filesystem::path(database_) / "stream-1-1-0";
  std::string bytes = read_file(path);
  bytes[bytes.find("event 321")] = 'E';
  write_file(path, bytes);
  const Outcome made = prove({"321"});
  EXPECT_EQ(made.exit_code, 4);
  EXPECT_EQ(made.out, "");
  EXPECT_NE(made.err.find("holdfast log verify"), std::string::npos) << made.err;
  const Outcome exported = export_to(file("tiles"));
  EXPECT_EQ(exported.exit_code, 4) << exported.err;
  EXPECT_FALSE(std::filesystem::exists(file("tiles/checkpoint")));
}

TEST_F(CommandLogProof, what_makes_no_sense_is_refused) {
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{},
                                             {"5", "--from-size", "3"},
                                             {"600"},
                                             {"5", "--size", "5"},
                                             {"5", "--size", "601"},
                                             {"--from-size", "601"},
                                             {"--from-size", "5", "--size", "4"}}) {
    const Outcome outcome = prove(args);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
  EXPECT_EQ(holdfast({"log", "prove", database_, "audit", "5"}).exit_code, 2) << "no key";
  EXPECT_EQ(holdfast({"log", "prove", database_, "audit", "5", "--key", file("key.pub")}).exit_code, 2);
  EXPECT_EQ(holdfast({"log", "prove", database_, "other", "5", "--key", file("key")}).exit_code, 1);
}

TEST_F(CommandLogProof, exported_tiles_recompute_to_the_root_of_the_checkpoint) {
  const Outcome exported = export_to(file("tiles"));
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  const proof::Checkpoint checkpoint = checkpoint_in(file("tiles"));
  EXPECT_EQ(checkpoint.size, 600U);
  log::CompactRange range;
  std::map<uint64_t, std::string> level1;
  const auto text_of = [](const Hash& hash) {
    return std::string(reinterpret_cast<const char*>(hash.data()), hash.size());
  };
  for (const auto& [name, width] : std::map<std::string, uint16_t>{{"000", 256}, {"001", 256}, {"002.p/88", 88}}) {
    const std::string bundle = read_file(file("tiles/tile/entries/" + name));
    const auto entries = log::parse_bundle(std::as_bytes(std::span(bundle)), width);
    ASSERT_TRUE(entries.has_value()) << name;
    std::string hashes;
    for (const auto& entry : *entries) {
      const auto leaf = proof::parse_leaf(entry);
      ASSERT_TRUE(leaf.has_value());
      EXPECT_EQ(leaf->offset, range.size());
      const std::string payload = "event " + std::to_string(range.size());
      EXPECT_TRUE(proof::check_payload(*leaf, std::as_bytes(std::span(payload))).has_value());
      const Hash hash = proof::chain_hash(entry.first<proof::kLeafBytes>());
      range.append(hash, [&](uint8_t level, uint64_t index, const Hash& subtree) {
        if (level == 8) level1[index] = text_of(subtree);
      });
      hashes += text_of(hash);
    }
    EXPECT_EQ(read_file(file("tiles/tile/0/" + name)), hashes) << name;
  }
  EXPECT_EQ(range.root(), checkpoint.root);
  EXPECT_EQ(read_file(file("tiles/tile/1/000.p/2")), level1[0] + level1[1]);
  EXPECT_EQ(files_in(file("tiles")).size(), 8U);
}

TEST_F(CommandLogProof, an_export_goes_on_where_it_was_and_after_an_interruption) {
  ASSERT_EQ(export_to(file("tiles")).exit_code, 0);
  const auto first = files_in(file("tiles"));
  EXPECT_NE(export_to(file("tiles")).out.find("nothing is new"), std::string::npos);
  EXPECT_EQ(files_in(file("tiles")), first);
  fill(500);
  ASSERT_EQ(export_to(file("tiles")).exit_code, 0);
  EXPECT_EQ(checkpoint_in(file("tiles")).size, 1100U);
  ASSERT_EQ(export_to(file("fresh")).exit_code, 0);
  const auto grown = files_in(file("tiles"));
  for (const auto& [name, bytes] : files_in(file("fresh"))) EXPECT_EQ(grown.at(name), bytes) << name;

  // As an interruption leaves it: no checkpoint, half a tile, and some that are missing.
  std::filesystem::remove(file("fresh/checkpoint"));
  write_file(file("fresh/checkpoint.new"), "half a note");
  write_file(file("fresh/tile/0/001"), "half a tile");
  std::filesystem::remove_all(file("fresh/tile/entries"));
  ASSERT_EQ(export_to(file("fresh")).exit_code, 0);
  for (const auto& [name, bytes] : files_in(file("fresh"))) EXPECT_EQ(grown.at(name), bytes) << name;
}

TEST_F(CommandLogProof, an_export_never_mixes_histories_or_strangers) {
  ASSERT_EQ(export_to(file("tiles")).exit_code, 0);
  const auto before = files_in(file("tiles"));
  ASSERT_EQ(holdfast({"keygen", "--name", "example.com/audit", "--out", file("stranger")}).exit_code, 0);
  EXPECT_EQ(holdfast({"log", "export", database_, "audit", file("tiles"), "--key", file("stranger")}).exit_code, 2);
  std::filesystem::remove_all(database_);
  create();
  records_ = 0;
  fill(700);
  EXPECT_EQ(export_to(file("tiles")).exit_code, 4);
  EXPECT_EQ(files_in(file("tiles")), before);
  std::filesystem::create_directory(file("mine"));
  write_file(file("mine/letter.txt"), "dear");
  EXPECT_EQ(export_to(file("mine")).exit_code, 9);
  EXPECT_EQ(files_in(file("mine")).size(), 1U);
  EXPECT_EQ(export_to(file("none/tiles")).exit_code, 1);
}

}  // namespace
}  // namespace holdfast::cli_test
