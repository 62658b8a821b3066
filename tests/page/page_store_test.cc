// The page store's promises to readers and to the writer, on a disk without faults.
#include "tests/page/fixture.h"

namespace holdfast {
namespace {

using PageStore_ = PageStoreTest;

TEST_F(PageStore_, shows_a_commit_and_finds_it_again) {
  create();
  open();
  const auto ref = replace({}, "one");
  PageReader reader = store_->new_reader();
  EXPECT_EQ(reader.state().csn, Csn{1});
  EXPECT_EQ(reader.state().catalog, ref);
  EXPECT_EQ(read(reader, ref), "one");
  PageReader(std::move(reader));
  reopen();
  PageReader again = store_->new_reader();
  EXPECT_EQ(again.state().csn, Csn{1});
  EXPECT_EQ(read(again, again.state().catalog), "one");
}

}  // namespace
}  // namespace holdfast
