// Trees whose pages are each in order and which make no sense together: errors, in bounded time.
#include "format/branch.h"
#include "format/leaf.h"
#include "tests/tree/tree_store.h"

namespace holdfast::tree {
namespace {

Result<format::PageRef> write_leaf(PageWriter& writer, const std::vector<std::string>& keys) {
  HOLDFAST_TRY_ASSIGN(PageEdit edit, writer.allocate(format::PageKind::kLeaf, 0));
  format::LeafBuilder builder(writer.page_bytes());
  for (const std::string& key : keys) {
    builder.add(key, {.bytes = "value", .overflow = {}});
  }
  builder.finish(edit.data());
  return edit.ref();
}

Result<format::PageRef> write_branch(PageWriter& writer, uint8_t level,
                                     const std::vector<std::pair<std::string, format::PageRef>>& children) {
  HOLDFAST_TRY_ASSIGN(PageEdit edit, writer.allocate(format::PageKind::kBranch, level));
  format::BranchBuilder builder(writer.page_bytes());
  for (const auto& [separator, ref] : children) {
    builder.add(separator, ref);
  }
  builder.finish(edit.data());
  return edit.ref();
}

// Every use of the tree ends; changes end with an error or leave a tree without damage where they were.
void expect_errors(TreeStore& tree, bool scan_fails = true) {
  EXPECT_FALSE(tree.see().damage.empty());
  {
    PageReader reader = tree.store().new_reader();
    Cursor cursor(reader, tree.root());
    uint64_t rows = 0;
    auto more = cursor.first();
    for (; more && *more; more = cursor.next()) {
      ASSERT_LT(++rows, 1'000'000u);
    }
    EXPECT_EQ(!more, scan_fails);
    if (!more) {
      EXPECT_EQ(more.error().code(), ErrorCode::kCorruption);
      EXPECT_FALSE(cursor.valid());
    }
    auto back = cursor.last();
    for (rows = 0; back && *back; back = cursor.prev()) {
      ASSERT_LT(++rows, 1'000'000u);
    }
    for (const std::string key : {"", "a", "b", "c", "m", "zz"}) {
      (void)get(reader, tree.root(), key);
      (void)cursor.seek(key);
      (void)cursor.seek_before(key);
    }
  }
  Batch batch;
  for (const std::string key : {"a1", "b1", "c1", "m1", "n", "z"}) {
    batch[key] = std::string(900, 'x');
    batch[key + "2"] = std::nullopt;
  }
  const auto run = [&](const TreeStore::Change& change) {
    auto writer = tree.store().begin(next(tree.store().meta().csn));
    ASSERT_TRUE(writer) << why(writer);
    const auto result = change(**writer, tree.root());
    if (!result) {
      EXPECT_EQ(result.error().code(), ErrorCode::kCorruption);
    }
    tree.store().abort();
  };
  run(TreeStore::applying(batch));
  run([](PageWriter& writer, format::PageRef root) { return erase_range(writer, root, "a1", "m5"); });
  run([](PageWriter& writer, format::PageRef root) { return erase_range(writer, root, "", std::nullopt); });
  run([](PageWriter& writer, format::PageRef root) -> Result<format::PageRef> {
    HOLDFAST_TRY(drop(writer, root));
    return format::PageRef();
  });
}

TEST(HostileTree, with_a_leaf_under_two_separators_is_an_error) {
  TreeStore tree;
  ASSERT_TRUE(tree.commit([](PageWriter& writer, format::PageRef) -> Result<format::PageRef> {
    HOLDFAST_TRY_ASSIGN(const auto leaf, write_leaf(writer, {"a", "b"}));
    return write_branch(writer, 1, {{"", leaf}, {"c", leaf}, {"m", leaf}});
  }));
  expect_errors(tree);
}

TEST(HostileTree, that_shares_children_on_every_level_does_not_go_round) {
  TreeStore tree;
  ASSERT_TRUE(tree.commit([](PageWriter& writer, format::PageRef) -> Result<format::PageRef> {
    HOLDFAST_TRY_ASSIGN(auto ref, write_leaf(writer, {"a", "b"}));
    for (uint8_t level = 1; level <= format::kLevelMax; ++level) {
      HOLDFAST_TRY_ASSIGN(ref, write_branch(writer, level, {{"", ref}, {"c", ref}, {"m", ref}}));
    }
    return ref;
  }));
  expect_errors(tree);
}

TEST(HostileTree, of_single_children_shared_by_one_parent_is_an_error) {
  TreeStore tree;
  ASSERT_TRUE(tree.commit([](PageWriter& writer, format::PageRef) -> Result<format::PageRef> {
    HOLDFAST_TRY_ASSIGN(const auto leaf, write_leaf(writer, {"a", "b"}));
    HOLDFAST_TRY_ASSIGN(const auto single, write_branch(writer, 1, {{"", leaf}}));
    return write_branch(writer, 2, {{"", single}, {"c", single}, {"m", single}});
  }));
  expect_errors(tree);
}

TEST(HostileTree, with_keys_outside_their_separators_is_an_error) {
  TreeStore tree;
  ASSERT_TRUE(tree.commit([](PageWriter& writer, format::PageRef) -> Result<format::PageRef> {
    HOLDFAST_TRY_ASSIGN(const auto first, write_leaf(writer, {"a", "n"}));
    HOLDFAST_TRY_ASSIGN(const auto second, write_leaf(writer, {"b", "z"}));
    HOLDFAST_TRY_ASSIGN(const auto third, write_leaf(writer, {"x"}));
    return write_branch(writer, 1, {{"", first}, {"m", second}, {"p", third}});
  }));
  expect_errors(tree);
}

TEST(HostileTree, whose_child_is_of_the_wrong_level_is_an_error) {
  TreeStore tree;
  ASSERT_TRUE(tree.commit([](PageWriter& writer, format::PageRef) -> Result<format::PageRef> {
    HOLDFAST_TRY_ASSIGN(const auto first, write_leaf(writer, {"a"}));
    HOLDFAST_TRY_ASSIGN(const auto second, write_leaf(writer, {"m"}));
    HOLDFAST_TRY_ASSIGN(const auto branch, write_branch(writer, 1, {{"", first}}));
    return write_branch(writer, 1, {{"", branch}, {"c", second}});
  }));
  expect_errors(tree);
}

TEST(HostileTree, that_refers_to_a_free_page_or_beyond_the_file_is_an_error) {
  for (const uint32_t page : {7u, 3000u, 0xFFFFFFFFu}) {
    TreeStore tree;
    ASSERT_TRUE(tree.commit([&](PageWriter& writer, format::PageRef) -> Result<format::PageRef> {
      HOLDFAST_TRY_ASSIGN(const auto first, write_leaf(writer, {"a"}));
      format::PageRef nowhere = first;
      nowhere.page = PageNumber{page};
      return write_branch(writer, 1, {{"", first}, {"c", nowhere}});
    }));
    expect_errors(tree);
  }
}

TEST(HostileTree, without_its_overflow_flag_is_seen_by_check) {
  TreeStore tree;
  const auto committed = tree.commit([](PageWriter& writer, format::PageRef) -> Result<format::PageRef> {
    HOLDFAST_TRY_ASSIGN(PageEdit edit, writer.allocate(format::PageKind::kLeaf, 0));
    HOLDFAST_TRY_ASSIGN(const auto run, writer.write_overflow(std::string(10000, 'o')));
    format::LeafBuilder builder(writer.page_bytes());
    builder.add("a", {.bytes = {}, .overflow = run});
    builder.finish(edit.data());
    return edit.ref();
  });
  ASSERT_TRUE(committed) << why(committed);
  EXPECT_FALSE(tree.see().damage.empty());
}

}  // namespace
}  // namespace holdfast::tree
