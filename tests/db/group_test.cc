// Several transactions committed as one group, written out: who wins, who loses, and what each is told.
#include "db/catalog.h"
#include "db/committer.h"
#include "db/open.h"
#include "db/recovery.h"
#include "format/leaf.h"
#include "format/page.h"
#include "tests/db/database_test.h"
#include "tests/db/failing_env.h"
#include "tree/cursor.h"

namespace holdfast {
namespace {

// A committer on a page store of its own, without the database around it.
class GroupTest : public DatabaseTest {
 protected:
  struct Member {
    WriteSet writes;
    ReadSet reads;
    std::optional<PendingCommit> pending;
  };

  GroupTest() {
    Options chosen = options();
    chosen.env = &env_;
    chosen.checkpoint_every_commit = true;
    open(chosen);
  }
  void open(const Options& chosen) {
    files_ = open_files(env_, kPath, chosen).value();
    streams_ =
        std::make_unique<Streams>(*files_.directory, files_.store->meta().database_id, chosen.stream_segment_bytes);
    RecoveryReport report;
    log_ = open_log(env_, *files_.directory, *files_.store, *streams_, chosen, OnDamage::kRefuse, report).value();
    checkpointer_.emplace(*files_.store, *log_, *streams_);
    committer_.emplace(*files_.store, *log_, *streams_, *checkpointer_, active_, Committer::Writes::kAllowed,
                       chosen.checkpoint_wal_bytes);
  }
  void close() {
    committer_.reset();
    checkpointer_.reset();
    log_.reset();
    streams_.reset();
    files_ = {};
  }

  // A member on the newest snapshot; `change` fills its writes and reads.
  template <class Change>
  Member& member(const Change& change) {
    Member& made = *members_.emplace_back(std::make_unique<Member>());
    change(made);
    Csn snapshot{};
    active_.add([&] { return snapshot = files_.store->new_reader().state().csn; });
    made.pending.emplace(made.writes, &made.reads, snapshot);
    return made;
  }
  Member& puts(std::string_view key) {
    return member([&](Member& made) {
      const uint32_t bucket = made.writes.index_of("t");
      made.writes.set_implied(bucket);
      made.writes.put(bucket, key, "v");
    });
  }
  // All members that have no result yet, as one group.
  void commit() {
    Committer::Group group;
    for (const auto& made : members_) {
      if (!made->pending->result) {
        group.push_back(&*made->pending);
      }
    }
    committer_->exclusively([&] { committer_->commit_together(group); });
    EXPECT_FALSE(active_.oldest().has_value()) << "the committer takes its members off";
  }
  static const Result<Commit>& result(const Member& made) { return *made.pending->result; }
  Rows rows(std::string_view bucket = "t") {
    PageReader reader = files_.store->new_reader();
    const auto record = catalog::find(reader, reader.state().catalog, bucket).value();
    Rows rows;
    if (record) {
      tree::Cursor cursor(reader, record->root);
      for (bool there = cursor.first().value(); there; there = cursor.next().value()) {
        rows.emplace(cursor.key(), cursor.value().value());
      }
    }
    return rows;
  }

  FailingEnv env_{*memory_};
  OpenFiles files_;
  ActiveTransactions active_;
  std::unique_ptr<Streams> streams_;
  std::unique_ptr<Log> log_;
  std::optional<Checkpointer> checkpointer_;
  std::optional<Committer> committer_;
  std::vector<std::unique_ptr<Member>> members_;
};

TEST_F(GroupTest, numbers_its_members_in_order_and_syncs_once_for_all) {
  for (uint64_t i = 0; i < 20; ++i) {
    puts(numbered("k", i));
  }
  const uint64_t syncs = files_.store->stats().syncs;
  commit();
  EXPECT_EQ(files_.store->stats().syncs, syncs + 2);
  for (uint64_t i = 0; i < 20; ++i) {
    ASSERT_OK(result(*members_[i]));
    EXPECT_EQ(result(*members_[i])->csn, Csn{i + 1});
  }
  EXPECT_EQ(rows().size(), 20U);
  EXPECT_EQ(files_.store->meta().csn, Csn{20});
}

TEST_F(GroupTest, members_conflict_with_members_before_them) {
  Member& first = puts("a");
  Member& second = puts("a");
  Member& third = puts("b");
  Member& fourth = member([](Member& made) {
    made.reads.add_key("t", "b");
    made.writes.put(made.writes.index_of("t"), "c", "v");
  });
  Member& fifth = puts("c");
  commit();
  EXPECT_EQ(result(first)->csn, Csn{1});
  EXPECT_ERROR(kConflict, result(second));
  EXPECT_EQ(result(third)->csn, Csn{2});
  EXPECT_ERROR(kConflict, result(fourth));
  // Who lost leaves no trace: not even with the members behind it.
  EXPECT_EQ(result(fifth)->csn, Csn{3});
  EXPECT_EQ(rows().size(), 3U);
  EXPECT_EQ(committer_->conflicts(), 2U);
  EXPECT_EQ(committer_->commits(), 3U);
}

TEST_F(GroupTest, a_group_is_remembered_for_older_transactions) {
  Member& old = puts("b");
  const Csn snapshot = *old.pending->snapshot;
  // Not part of the group: still active while it commits.
  members_.clear();
  Member kept;
  kept.writes.put(kept.writes.index_of("t"), "b", "late");
  puts("a");
  puts("b");
  Committer::Group group{&*members_[0]->pending, &*members_[1]->pending};
  committer_->exclusively([&] { committer_->commit_together(group); });
  ASSERT_EQ(active_.oldest(), snapshot);
  PendingCommit late(kept.writes, nullptr, snapshot);
  EXPECT_ERROR(kConflict, committer_->commit(late));
}

TEST_F(GroupTest, a_full_disk_is_told_to_all_and_spoils_nothing) {
  puts("before");
  commit();
  env_.plan().fail(1, ENOSPC, FailurePlan::Length::kFromThenOn);
  for (uint64_t i = 0; i < 5; ++i) {
    puts(numbered("k", i));
  }
  commit();
  env_.plan().stop();
  for (size_t i = 1; i < members_.size(); ++i) {
    EXPECT_ERROR(kNoSpace, result(*members_[i]));
  }
  EXPECT_EQ(rows().size(), 1U);
  Member& after = puts("after");
  commit();
  EXPECT_EQ(result(after)->csn, Csn{2});
}

TEST_F(GroupTest, a_failed_sync_is_told_to_all) {
  puts("before");
  commit();
  for (uint64_t i = 0; i < 5; ++i) {
    puts(numbered("k", i));
  }
  env_.plan().fail(2, EIO);
  commit();
  env_.plan().stop();
  for (size_t i = 1; i < members_.size(); ++i) {
    EXPECT_ERROR(kOutcomeUnknown, result(*members_[i]));
  }
  Member& after = puts("after");
  commit();
  EXPECT_ERROR(kReadOnly, result(after));
  EXPECT_EQ(rows().size(), 1U);
}

TEST_F(GroupTest, a_member_that_meets_damage_fails_alone) {
  // Rows enough for several leaves; one of them is damaged then, and the cache forgets it.
  member([](Member& made) {
    const uint32_t bucket = made.writes.index_of("t");
    made.writes.set_implied(bucket);
    for (uint64_t i = 0; i < 2000; ++i) {
      made.writes.put(bucket, numbered("k", i), std::string(50, 'v'));
    }
  });
  commit();
  members_.clear();
  close();
  const size_t row = content("tree").find(numbered("k", 1000).substr(4));
  ASSERT_NE(row, std::string::npos);
  flip_bit("tree", row);
  Options again = options();
  again.checkpoint_every_commit = true;
  open(again);
  // Which leaf was hit is known by who fails: every leaf gets a member. All of them would make the bucket `new`.
  for (uint64_t i = 0; i < 2000; i += 20) {
    Member& made = puts(numbered("k", i));
    const uint32_t bucket = made.writes.index_of("new");
    made.writes.set_implied(bucket);
    made.writes.put(bucket, numbered("k", i), "v");
  }
  commit();
  uint64_t damaged = 0;
  uint64_t csn = 1;
  Rows wanted;
  for (size_t i = 0; i < members_.size(); ++i) {
    if (result(*members_[i])) {
      EXPECT_EQ(result(*members_[i])->csn, Csn{++csn});
      wanted[numbered("k", i * 20)] = "v";
    } else {
      EXPECT_ERROR(kCorruption, result(*members_[i]));
      ++damaged;
    }
  }
  EXPECT_GE(damaged, 1U);
  EXPECT_LE(damaged, 6U);
  EXPECT_EQ(rows("new"), wanted);
}

// The member that would have made a bucket fails; one behind it, that found it made, must make it then.
TEST_F(GroupTest, a_bucket_is_made_by_the_first_member_that_does_not_fail) {
  member([](Member& made) { made.writes.put(made.writes.index_of("t"), "k", "v"); });
  members_[0]->writes.set_implied(0);
  commit();
  members_.clear();
  close();
  const std::string tree = content("tree");
  for (size_t at = 2 * 4096; at + 4096 <= tree.size(); at += 4096) {
    const auto* const page = reinterpret_cast<const std::byte*>(tree.data()) + at;
    if (format::header_of(page).kind == static_cast<uint8_t>(format::PageKind::kLeaf) &&
        format::LeafView(page, 4096).find("k")) {
      flip_bit("tree", at + 2000);
    }
  }
  Options again = options();
  again.checkpoint_every_commit = true;
  open(again);
  Member& fails = member([](Member& made) {
    const uint32_t fresh = made.writes.index_of("new");
    made.writes.set_implied(fresh);
    made.writes.put(fresh, "first", "v");
    made.writes.put(made.writes.index_of("t"), "k", "w");
  });
  Member& behind = member([](Member& made) {
    const uint32_t fresh = made.writes.index_of("new");
    made.writes.set_implied(fresh);
    made.writes.put(fresh, "second", "v");
  });
  commit();
  EXPECT_ERROR(kCorruption, result(fails));
  ASSERT_OK(result(behind));
  EXPECT_EQ(rows("new"), (Rows{{"second", "v"}}));
}

}  // namespace
}  // namespace holdfast
