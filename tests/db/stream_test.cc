// Streams: what was appended is read again, in order, from memory and from files, before and after a reopen.
#include "tests/db/stream_test.h"

#include <atomic>
#include <thread>

#include <holdfast/proof.h>

namespace holdfast {
namespace {

TEST_F(StreamTest, an_event_and_the_rows_it_speaks_of_are_committed_together) {
  Database database = open();
  ASSERT_OK(database.exec([](Transaction& txn) -> Result<void> {
    HOLDFAST_TRY(txn.bucket("users").put("id:100", "Alice"));
    return txn.stream("audit").append("created id:100");
  }));
  const auto failed = database.exec([](Transaction& txn) -> Result<void> {
    HOLDFAST_TRY(txn.bucket("users").put("id:101", "Bob"));
    HOLDFAST_TRY(txn.stream("audit").append("created id:101"));
    return fail(ErrorCode::kInvalidArgument, "changed my mind");
  });
  EXPECT_ERROR(kInvalidArgument, failed);
  EXPECT_EQ(rows_of(database, "users"), (Rows{{"id:100", "Alice"}}));
  EXPECT_EQ(payloads(database.stream("audit")), std::vector<std::string>{"created id:100"});
}

TEST_F(StreamTest, a_stream_that_is_not_there_is_empty) {
  Database database = open();
  Stream stream = database.stream("nothing");
  const auto head = stream.head();
  ASSERT_OK(head);
  EXPECT_EQ(head->next_offset, 0U);
  EXPECT_EQ(head->chain_hash, Hash{});
  EXPECT_TRUE(stream.read(0, 100).value().empty());
  EXPECT_ERROR(kInvalidArgument, stream.read(1, 100));
  EXPECT_EQ(stream.tree_head()->root, log::empty_root());
  expect_sound(stream);
  EXPECT_TRUE(database.snapshot().streams()->empty());
}

TEST_F(StreamTest, names_and_events_beyond_their_limits_are_refused_and_change_nothing) {
  Database database = open();
  EXPECT_ERROR(kInvalidArgument, database.stream("").append("x"));
  EXPECT_ERROR(kInvalidArgument, database.stream(std::string(256, 's')).append("x"));
  EXPECT_OK(database.stream(std::string(255, 's')).append("x"));
  EXPECT_ERROR(kInvalidArgument, database.stream("s").append_batch({}));
  EXPECT_ERROR(kInvalidArgument, database.stream("s").append(std::string(size_t{kEventBytesMax} + 1, 'x')));
  EXPECT_EQ(database.stream("s").head()->next_offset, 0U);
  const std::string largest(kEventBytesMax, 'x');
  ASSERT_OK(database.stream("s").append(largest));
  ASSERT_OK(database.stream("s").append(""));
  EXPECT_EQ(payloads(database.stream("s")), (std::vector<std::string>{largest, ""}));
  expect_sound(database.stream("s"));
  sound(database);
}

TEST_F(StreamTest, offsets_and_hashes_are_those_that_the_format_says) {
  Database database = open();
  fill(database, "audit", 700);
  const auto records = database.stream("audit").read(0, UINT64_MAX);
  ASSERT_OK(records);
  ASSERT_EQ(records->size(), 700U);
  // The identity file holds the database's id from byte 16 on; the first id of all is given to the first stream.
  format::EventLeaf leaf;
  const std::string identity = content("identity");
  std::memcpy(leaf.database_id.data(), identity.data() + 16, 16);
  leaf.stream_id = 1;
  log::CompactRange tree;
  for (const StreamRecord& record : *records) {
    EXPECT_EQ(record.prev_hash, leaf.previous);
    leaf.offset = static_cast<int64_t>(record.offset);
    leaf.length = static_cast<uint32_t>(record.payload.size());
    leaf.payload_digest = sha256(as_bytes(record.payload));
    leaf.previous = format::chain_hash(leaf);
    tree.append(leaf.previous);
  }
  EXPECT_EQ(database.stream("audit").head()->chain_hash, leaf.previous);
  EXPECT_EQ(database.stream("audit").tree_head(), (TreeHead{700, tree.root()}));
}

TEST_F(StreamTest, an_expected_offset_that_is_not_the_head_is_a_conflict_that_names_the_head) {
  Database database = open();
  fill(database, "audit", 5);
  Stream stream = database.stream("audit");
  const std::vector<std::string_view> events = {"a", "b"};
  const auto refused = stream.append_batch(events, 4);
  EXPECT_ERROR(kConflict, refused);
  EXPECT_NE(why(refused).find("has 5 records"), std::string::npos) << why(refused);
  const auto taken = stream.append_batch(events, 5);
  ASSERT_OK(taken);
  EXPECT_EQ(taken->first_offset, 5U);
  EXPECT_EQ(taken->next_offset, 7U);
  EXPECT_EQ(stream.head()->next_offset, 7U);
}

TEST_F(StreamTest, a_transaction_that_only_expects_is_held_to_it_and_takes_no_commit_number) {
  for (const bool every_commit : {false, true}) {
    memory_ = new_memory_env();
    Options options = stream_options();
    options.checkpoint_every_commit = every_commit;
    Database database = open_with(options);
    fill(database, "audit", 5);
    const Stats before = *database.stats();
    const auto expecting = [&](std::string_view name, uint64_t offset, Durability durability = Durability::kDurable) {
      Transaction txn = database.begin();
      EXPECT_OK(txn.stream(name).expect(offset));
      return txn.commit(durability);
    };
    for (const uint64_t wrong : {0U, 4U, 6U}) {
      const auto refused = expecting("audit", wrong);
      EXPECT_ERROR(kConflict, refused);
      EXPECT_NE(why(refused).find("has 5 records"), std::string::npos) << why(refused);
    }
    EXPECT_ERROR(kConflict, expecting("nothing", 1));
    EXPECT_ERROR(kConflict, expecting("audit", 4, Durability::kDeferred));
    for (const auto& held :
         {expecting("audit", 5), expecting("audit", 5, Durability::kDeferred), expecting("nothing", 0)}) {
      ASSERT_OK(held);
      EXPECT_EQ(held->csn, before.csn);
    }
    const Stats after = *database.stats();
    EXPECT_EQ(after.csn, before.csn);
    EXPECT_EQ(after.commits, before.commits);
    EXPECT_EQ(after.conflicts, before.conflicts + 5);
    EXPECT_EQ(after.wal_bytes_written, before.wal_bytes_written);
    EXPECT_EQ(after.bytes_written, before.bytes_written);
    EXPECT_EQ(database.snapshot().streams().value(), std::vector<std::string>{"audit"});
  }
}

TEST_F(StreamTest, an_expectation_alone_speaks_of_the_stream_as_it_is_at_the_commit) {
  Database database = open();
  fill(database, "audit", 5);
  Transaction early = database.begin();
  Transaction late = database.begin();
  Transaction undone = database.begin();
  ASSERT_OK(early.stream("audit").expect(5));
  ASSERT_OK(late.stream("audit").expect(6));
  const Savepoint savepoint = undone.savepoint();
  ASSERT_OK(undone.stream("audit").expect(77));
  ASSERT_OK(undone.rollback_to(savepoint));
  fill(database, "audit", 1);
  EXPECT_ERROR(kConflict, early.commit());
  const auto held = late.commit();
  ASSERT_OK(held);
  EXPECT_EQ(held->csn, database.stats()->csn);
  EXPECT_OK(undone.commit());
}

TEST_F(StreamTest, an_expectation_alone_holds_what_a_serializable_transaction_has_read_to_the_same_state) {
  Database database = open();
  fill(database, "audit", 5);
  for (const Isolation isolation : {Isolation::kSnapshot, Isolation::kSerializable}) {
    for (const bool changed : {false, true}) {
      Transaction txn = database.begin(isolation);
      ASSERT_OK(txn.bucket("b").get("k"));
      ASSERT_OK(txn.stream("audit").expect(5));
      ASSERT_OK(database.put("b", changed ? "k" : "other", "v"));
      const auto commit = txn.commit();
      if (changed && isolation == Isolation::kSerializable) {
        EXPECT_ERROR(kConflict, commit);
      } else {
        EXPECT_OK(commit);
      }
    }
  }
}

TEST_F(StreamTest, an_expectation_alone_is_checked_where_nothing_can_be_written) {
  {
    Database database = open();
    fill(database, "audit", 5);
  }
  Options options = stream_options();
  options.read_only = true;
  Database database = open_with(options);
  const auto expecting = [&](uint64_t offset, bool appends) {
    Transaction txn = database.begin();
    EXPECT_OK(txn.stream("audit").expect(offset));
    if (appends) {
      EXPECT_OK(txn.stream("audit").append("x"));
    }
    return txn.commit();
  };
  EXPECT_OK(expecting(5, false));
  EXPECT_ERROR(kConflict, expecting(4, false));
  EXPECT_ERROR(kReadOnly, expecting(5, true));
}

TEST_F(StreamTest, what_was_appended_is_there_after_a_reopen_wherever_it_lay) {
  for (const bool every_commit : {false, true}) {
    memory_ = new_memory_env();
    Options options = stream_options();
    options.checkpoint_every_commit = every_commit;
    std::vector<std::string> expected;
    Hash hash{};
    for (int round = 0; round < 4; ++round) {
      Database database = open_with(options);
      EXPECT_EQ(payloads(database.stream("audit")), expected);
      EXPECT_EQ(database.stream("audit").head()->chain_hash, hash);
      fill(database, "audit", 150, 200);
      for (uint64_t at = expected.size(); at < static_cast<uint64_t>(round + 1) * 150; ++at) {
        expected.push_back(event_text("audit", at, 200));
      }
      EXPECT_EQ(payloads(database.stream("audit")), expected);
      if (round == 2) {
        ASSERT_OK(database.checkpoint());
        fill(database, "audit", 1, 200);
        expected.push_back(event_text("audit", expected.size(), 200));
      }
      expect_sound(database.stream("audit"));
      sound(database);
      EXPECT_EQ(payloads(database.stream("audit")), expected);
      hash = database.stream("audit").head()->chain_hash;
      if (round == 2) {
        break;
      }
    }
    EXPECT_GT(segment_files().size(), 2U);
    Database database = open_with(options);
    EXPECT_EQ(payloads(database.stream("audit"), 0, 1), expected);
    for (uint64_t from = 0; from < expected.size(); from += 37) {
      EXPECT_EQ(database.stream("audit").read(from, 1)->front().payload, expected[from]);
    }
    expect_sound(database.stream("audit"));
  }
}

TEST_F(StreamTest, a_snapshot_sees_the_stream_as_it_was) {
  Database database = open();
  fill(database, "audit", 10);
  const Snapshot snapshot = database.snapshot();
  fill(database, "audit", 10);
  EXPECT_EQ(snapshot.stream("audit").head()->next_offset, 10U);
  EXPECT_EQ(snapshot.stream("audit").read(0, UINT64_MAX)->size(), 10U);
  EXPECT_ERROR(kInvalidArgument, snapshot.stream("audit").read(11, 1));
  EXPECT_EQ(database.stream("audit").head()->next_offset, 20U);
}

TEST_F(StreamTest, events_after_a_savepoint_are_undone_with_it) {
  Database database = open();
  Transaction txn = database.begin();
  ASSERT_OK(txn.stream("audit").append("kept"));
  const Savepoint savepoint = txn.savepoint();
  ASSERT_OK(txn.stream("audit").append("undone"));
  ASSERT_OK(txn.stream("other").append("undone"));
  ASSERT_OK(txn.stream("audit").expect(77));
  ASSERT_OK(txn.rollback_to(savepoint));
  ASSERT_OK(txn.commit());
  EXPECT_EQ(payloads(database.stream("audit")), std::vector<std::string>{"kept"});
  EXPECT_EQ(database.snapshot().streams().value(), std::vector<std::string>{"audit"});
}

TEST_F(StreamTest, a_serializable_transaction_that_looked_at_a_head_loses_against_an_append) {
  Database database = open();
  for (const Isolation isolation : {Isolation::kSnapshot, Isolation::kSerializable}) {
    Transaction txn = database.begin(isolation);
    ASSERT_OK(txn.stream("audit").head());
    ASSERT_OK(txn.bucket("b").put("k", "v"));
    fill(database, "audit", 1);
    const auto commit = txn.commit();
    if (isolation == Isolation::kSerializable) {
      EXPECT_ERROR(kConflict, commit);
    } else {
      EXPECT_OK(commit);
    }
  }
}

TEST_F(StreamTest, a_serializable_transaction_that_looked_at_a_head_loses_against_a_trim_and_no_other_stream) {
  Database database = open();
  fill(database, "audit", 200, 200);
  for (const bool trims : {false, true}) {
    Transaction txn = database.begin(Isolation::kSerializable);
    ASSERT_OK(txn.stream("audit").head());
    ASSERT_OK(txn.bucket("b").put("k", "v"));
    fill(database, "other", 1);
    ASSERT_EQ(database.stream("audit").trim(trims ? 150 : 0)->commit.has_value(), trims);
    const auto commit = txn.commit();
    if (trims) {
      EXPECT_ERROR(kConflict, commit);
    } else {
      EXPECT_OK(commit);
    }
  }
}

TEST_F(StreamTest, threads_that_append_to_one_stream_get_offsets_without_gaps) {
  Database database = open();
  constexpr uint64_t kThreads = 4;
  constexpr uint64_t kEach = 200;
  std::vector<std::vector<uint64_t>> offsets(kThreads);
  std::vector<std::jthread> threads;
  for (uint64_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (uint64_t at = 0; at < kEach; ++at) {
        const auto appended = database.stream("audit").append(std::to_string(thread) + " " + std::to_string(at));
        ASSERT_OK(appended);
        offsets[thread].push_back(appended->first_offset);
      }
    });
  }
  threads.clear();
  const std::vector<std::string> all = payloads(database.stream("audit"));
  ASSERT_EQ(all.size(), kThreads * kEach);
  for (uint64_t thread = 0; thread < kThreads; ++thread) {
    EXPECT_TRUE(std::ranges::is_sorted(offsets[thread]));
    for (uint64_t at = 0; at < kEach; ++at) {
      EXPECT_EQ(all[offsets[thread][at]], std::to_string(thread) + " " + std::to_string(at));
    }
  }
  expect_sound(database.stream("audit"));
}

TEST_F(StreamTest, compressed_events_read_as_they_were_and_hash_the_same) {
  std::vector<Hash> hashes;
  for (const Codec codec : {Codec::kNone, Codec::kLz4, Codec::kZstd}) {
    Database database = open();
    const std::string name = "s" + std::to_string(static_cast<int>(codec));
    Stream stream = database.stream(name);
    std::vector<std::string> texts;
    for (uint64_t at = 0; at < 300; ++at) {
      texts.push_back(at % 3 == 0 ? std::string(at, 'z') : event_text("x", at, at * 7 % 500));
    }
    const std::vector<std::string_view> events(texts.begin(), texts.end());
    ASSERT_OK(stream.append_batch(events, 0, codec));
    EXPECT_EQ(payloads(stream), texts);
    ASSERT_OK(database.checkpoint());
    EXPECT_EQ(payloads(stream), texts);
    expect_sound(stream);
  }
}

TEST_F(StreamTest, a_large_batch_prepared_on_several_threads_is_the_same_as_one_after_the_other) {
  Database database = open();
  std::vector<std::string> texts;
  for (uint64_t at = 0; at < 300; ++at) {
    texts.push_back(event_text("big", at, 10000));
  }
  const std::vector<std::string_view> events(texts.begin(), texts.end());
  ASSERT_OK(database.stream("big").append_batch(events, std::nullopt, Codec::kLz4));
  EXPECT_EQ(payloads(database.stream("big"), 0, 100'000), texts);
  expect_sound(database.stream("big"));
}

TEST_F(StreamTest, proofs_of_every_record_hold_and_of_another_do_not) {
  Database database = open();
  fill(database, "audit", 600);
  Stream stream = database.stream("audit");
  const auto records = stream.read(0, UINT64_MAX);
  ASSERT_OK(records);
  std::vector<Hash> leaves;
  for (size_t at = 1; at < records->size(); ++at) {
    leaves.push_back((*records)[at].prev_hash);
  }
  leaves.push_back(stream.head()->chain_hash);
  std::vector<Hash> roots = {log::empty_root()};
  log::CompactRange tree;
  for (const Hash& leaf : leaves) {
    tree.append(leaf);
    roots.push_back(tree.root());
  }
  for (const uint64_t size : {1U, 2U, 255U, 256U, 257U, 300U, 512U, 600U}) {
    for (uint64_t offset = 0; offset < size; offset += 7) {
      const auto proof = stream.prove_inclusion(offset, size);
      ASSERT_OK(proof);
      EXPECT_TRUE(proof::check_inclusion(leaves[offset], offset, size, roots[size], *proof).has_value());
      EXPECT_FALSE(proof::check_inclusion(leaves[(offset + 1) % 600], offset, size, roots[size], *proof).has_value());
    }
    for (const uint64_t old_size : {1U, 100U, 255U, 256U, 511U}) {
      if (old_size <= size) {
        const auto proof = stream.prove_consistency(old_size, size);
        ASSERT_OK(proof);
        EXPECT_TRUE(proof::check_consistency(old_size, roots[old_size], size, roots[size], *proof).has_value());
      }
    }
  }
  EXPECT_ERROR(kInvalidArgument, stream.prove_inclusion(600, 600));
  EXPECT_ERROR(kInvalidArgument, stream.prove_inclusion(0, 601));
  EXPECT_ERROR(kInvalidArgument, stream.prove_consistency(5, 4));
  EXPECT_ERROR(kInvalidArgument, stream.prove_consistency(5, 601));
}

TEST_F(StreamTest, verify_compares_with_what_the_user_kept) {
  Database database = open();
  fill(database, "audit", 300);
  Stream stream = database.stream("audit");
  const StreamHead head = *stream.head();
  const TreeHead tree = *stream.tree_head();
  fill(database, "audit", 300);
  expect_sound(stream, {.trusted_head = head, .trusted_tree = tree});
  expect_sound(stream, {.from = 550, .trusted_head = head, .trusted_tree = tree});
  StreamHead other = head;
  other.chain_hash[5] ^= std::byte{1};
  EXPECT_EQ(stream.verify({.trusted_head = other})->finding->kind, Tamper::kForked);
  TreeHead other_tree = tree;
  other_tree.root[5] ^= std::byte{1};
  EXPECT_EQ(stream.verify({.trusted_tree = other_tree})->finding->kind, Tamper::kForked);
  EXPECT_EQ(stream.verify({.trusted_head = StreamHead{0, 601, {}}})->finding->kind, Tamper::kTruncated);
  EXPECT_EQ(stream.verify({.trusted_tree = TreeHead{601, {}}})->finding->kind, Tamper::kTruncated);
}

TEST_F(StreamTest, verify_on_several_threads_tells_progress_and_can_be_stopped) {
  Database database = open();
  fill(database, "audit", 50'000, 0, 5000);
  Stream stream = database.stream("audit");
  uint64_t told = 0;
  const auto report = stream.verify({.threads = 3, .progress = [&](uint64_t done, uint64_t total) {
                                       EXPECT_LE(done, total);
                                       told = done;
                                       return true;
                                     }});
  ASSERT_OK(report);
  EXPECT_TRUE(report->sound());
  EXPECT_EQ(report->records, 50'000U);
  EXPECT_GT(told, 0U);
  const auto stopped = stream.verify({.progress = [](uint64_t, uint64_t) { return false; }});
  ASSERT_OK(stopped);
  EXPECT_TRUE(stopped->stopped);
  EXPECT_FALSE(stopped->sound());
}

TEST_F(StreamTest, verify_of_few_large_records_can_be_stopped_between_them) {
  Database database = open();
  fill(database, "audit", 8, 4 << 20, 1);
  Stream stream = database.stream("audit");
  const auto stopped = stream.verify({.progress = [](uint64_t done, uint64_t) { return done < 3; }});
  ASSERT_OK(stopped);
  EXPECT_TRUE(stopped->stopped);
  EXPECT_EQ(stopped->records, 3U);
}

TEST_F(StreamTest, waiters_are_woken_by_an_append_and_by_the_clock) {
  Database database = open();
  Stream stream = database.stream("audit");
  EXPECT_FALSE(stream.wait(0, 1'000'000).value());
  std::atomic<int> seen{0};
  {
    std::vector<std::jthread> waiters;
    for (int waiter = 0; waiter < 3; ++waiter) {
      waiters.emplace_back([&] {
        for (uint64_t offset = 0; offset < 50; ++offset) {
          const auto there = stream.wait(offset, 10'000'000'000);
          ASSERT_OK(there);
          ASSERT_TRUE(*there);
          ASSERT_EQ(stream.read(offset, 1)->front().payload, event_text("audit", offset));
        }
        ++seen;
      });
    }
    fill(database, "audit", 50, 0, 1);
  }
  EXPECT_EQ(seen, 3);
}

TEST_F(StreamTest, a_read_only_open_reads_what_the_last_checkpoint_holds) {
  {
    Database database = open();
    fill(database, "audit", 500, 100);
  }
  Options options = stream_options();
  options.read_only = true;
  Database database = open_with(options);
  EXPECT_EQ(database.stream("audit").head()->next_offset, 500U);
  EXPECT_EQ(payloads(database.stream("audit")).size(), 500U);
  EXPECT_ERROR(kReadOnly, database.stream("audit").append("x"));
  expect_sound(database.stream("audit"));
}

}  // namespace
}  // namespace holdfast
