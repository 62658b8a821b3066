// keygen and verify-proof.
#include <string>

#include <sys/stat.h>

#include "tests/cli/harness.h"

namespace holdfast::cli_test {
namespace {

class CommandProof : public Command {
 protected:
  // A file that engine/log wrote (tests/log/proof_text_test.cc).
  static std::string golden(const std::string& name) {
    return std::string(HOLDFAST_TESTS_DIR) + "/golden/proof/" + name;
  }
  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  Outcome verify(const std::string& proof, std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"verify-proof", "--key", golden("key.pub"), proof});
    return holdfast(options);
  }
  static unsigned mode_of(const std::string& path) {
    struct stat status = {};
    EXPECT_EQ(stat(path.c_str(), &status), 0);
    return status.st_mode & 0777U;
  }
};

TEST_F(CommandProof, keygen_writes_a_pair_that_only_its_owner_can_sign_with) {
  const Outcome made = holdfast({"keygen", "--name", "example.com/log", "--out", file("key")});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_TRUE(read_file(file("key")).starts_with("PRIVATE+KEY+example.com/log+"));
  EXPECT_TRUE(read_file(file("key.pub")).starts_with("example.com/log+"));
  EXPECT_EQ(made.out, read_file(file("key.pub")));
  EXPECT_EQ(mode_of(file("key")), 0600U);
  ASSERT_EQ(holdfast({"keygen", "--name", "example.com/log", "--out", file("key2")}).exit_code, 0);
  EXPECT_NE(read_file(file("key2.pub")), read_file(file("key.pub")));
}

TEST_F(CommandProof, keygen_overwrites_nothing) {
  for (const char* there : {"key", "key.pub"}) {
    write_file(file(there), "precious");
    const Outcome made = holdfast({"keygen", "--name", "n", "--out", file("key")});
    EXPECT_EQ(made.exit_code, 9) << made.err;
    EXPECT_EQ(read_file(file(there)), "precious");
    EXPECT_EQ(std::filesystem::exists(file("key")) + std::filesystem::exists(file("key.pub")), 1);
    std::filesystem::remove(file(there));
  }
}

TEST_F(CommandProof, keygen_wants_a_name_and_a_folder) {
  EXPECT_EQ(holdfast({"keygen", "--name", "two words", "--out", file("key")}).exit_code, 2);
  EXPECT_EQ(holdfast({"keygen", "--out", file("key")}).exit_code, 2);
  EXPECT_EQ(holdfast({"keygen", "--name", "n", "--out", file("none/key")}).exit_code, 1);
  EXPECT_FALSE(std::filesystem::exists(file("key")));
}

TEST_F(CommandProof, a_record_is_proved_and_its_payload_compared) {
  const Outcome bare = verify(golden("record-7-of-23.tlog-proof"));
  EXPECT_EQ(bare.exit_code, 0) << bare.err;
  EXPECT_EQ(bare.out.substr(0, bare.out.find('\n')),
            "proved: record 7 of example.com/orders/audit is among the 23 records of its checkpoint");
  EXPECT_NE(bare.out.find("payload: 14 bytes, not looked at"), std::string::npos) << bare.out;
  const Outcome whole = verify(golden("record-7-of-23.tlog-proof"), {"--payload", golden("payload-7")});
  EXPECT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_NE(whole.out.find("payload: 14 bytes, as recorded"), std::string::npos) << whole.out;
}

TEST_F(CommandProof, another_payload_is_refused) {
  write_file(file("payload"), "event number 8");
  const Outcome found = verify(golden("record-7-of-23.tlog-proof"), {"--payload", file("payload")});
  EXPECT_EQ(found.exit_code, 4);
  EXPECT_EQ(found.out, "");
  EXPECT_EQ(found.err, "holdfast: not proved: the payload is not the one that was recorded\n");
}

TEST_F(CommandProof, growth_is_proved_from_a_kept_checkpoint) {
  const Outcome found = verify(golden("growth-6-to-23.proof"), {"--old", golden("checkpoint-6.note")});
  EXPECT_EQ(found.exit_code, 0) << found.err;
  EXPECT_EQ(found.out, "proved: example.com/orders/audit only grew, from 6 records to 23\n");
  EXPECT_EQ(verify(golden("growth-6-to-23.proof"), {"--old", golden("checkpoint-8.note")}).exit_code, 4);
  EXPECT_EQ(verify(golden("growth-6-to-23.proof")).exit_code, 2) << "without the old checkpoint";
  EXPECT_EQ(verify(golden("record-7-of-23.tlog-proof"), {"--old", golden("checkpoint-6.note")}).exit_code, 2);
}

TEST_F(CommandProof, what_a_stranger_signed_is_refused) {
  ASSERT_EQ(holdfast({"keygen", "--name", "example.com/orders/audit", "--out", file("key")}).exit_code, 0);
  const Outcome found = holdfast({"verify-proof", "--key", file("key.pub"), golden("record-7-of-23.tlog-proof")});
  EXPECT_EQ(found.exit_code, 4);
  EXPECT_EQ(found.err, "holdfast: not proved: no trusted key has signed the note\n");
}

TEST_F(CommandProof, the_log_must_be_the_one_that_was_asked_for) {
  EXPECT_EQ(verify(golden("record-7-of-23.tlog-proof"), {"--origin", "example.com/other"}).exit_code, 4);
  EXPECT_EQ(verify(golden("record-7-of-23.tlog-proof"), {"--origin", "example.com/orders/audit"}).exit_code, 0);
}

TEST_F(CommandProof, changed_cut_and_missing_files_have_their_exit_codes) {
  std::string proof = read_file(golden("record-7-of-23.tlog-proof"));
  write_file(file("cut"), proof.substr(0, proof.size() / 2));
  EXPECT_EQ(verify(file("cut")).exit_code, 4);
  proof[proof.find("index 7") + 6] = '8';
  write_file(file("changed"), proof);
  EXPECT_EQ(verify(file("changed")).exit_code, 4);
  EXPECT_EQ(verify(golden("payload-7")).exit_code, 4) << "no proof at all";
  EXPECT_EQ(verify(file("none")).exit_code, 1);
  const Outcome no_key = holdfast({"verify-proof", "--key", golden("payload-7"), golden("record-7-of-23.tlog-proof")});
  EXPECT_EQ(no_key.exit_code, 2) << no_key.err;
}

TEST_F(CommandProof, a_proof_may_come_from_standard_input) {
  EXPECT_EQ(holdfast({"verify-proof", "--key", golden("key.pub"), "-"}, read_file(golden("record-0-of-1.tlog-proof")))
                .exit_code,
            0);
}

}  // namespace
}  // namespace holdfast::cli_test
