// Readers on several threads, a small cache, and a writer: what each reader sees is its snapshot, whole.
#include <atomic>
#include <thread>

#include "tests/page/fixture.h"

namespace holdfast {
namespace {

using format::PageRef;

class PageStoreThreads : public PageStoreTest {
 protected:
  static constexpr uint32_t kLeaves = 150;  // more than the cache holds
  static constexpr uint32_t kLeavesPerCommit = 20;

  static constexpr uint32_t kRefsPerRow = 50;

  // The catalog is a leaf whose rows list the references of all leaves.
  static PageRef new_catalog(PageWriter& writer, const std::vector<PageRef>& refs) {
    std::vector<std::string> rows((refs.size() + kRefsPerRow - 1) / kRefsPerRow);
    for (size_t i = 0; i < refs.size(); ++i) {
      const format::PageRefOnDisk bytes = format::encode(refs[i]);
      rows[i / kRefsPerRow].append(reinterpret_cast<const char*>(&bytes), sizeof bytes);
    }
    PageEdit edit = must(writer.allocate(format::PageKind::kLeaf, 0));
    format::LeafBuilder builder(kPageBytes);
    const std::string keys = "abcdefgh";
    for (size_t i = 0; i < rows.size(); ++i) {
      format::LeafValue value;
      value.bytes = rows[i];
      builder.add(std::string_view(keys).substr(i, 1), value);
    }
    builder.finish(edit.data());
    return edit.ref();
  }
  static std::vector<PageRef> refs_in(const std::byte* page) {
    std::vector<PageRef> refs;
    const format::LeafView view(page, kPageBytes);
    for (uint32_t row = 0; row < view.count(); ++row) {
      const std::string_view text = view.value(row).bytes;
      for (size_t at = 0; at < text.size(); at += sizeof(format::PageRefOnDisk)) {
        format::PageRefOnDisk bytes;
        std::memcpy(&bytes, text.data() + at, sizeof bytes);
        EXPECT_TRUE(format::decode(bytes, refs.emplace_back()));
      }
    }
    return refs;
  }
  static std::string value_of(uint32_t leaf, Csn birth) {
    return "leaf " + std::to_string(leaf) + " born " + std::to_string(to_int(birth));
  }
  // Scans a snapshot in each of the three ways of holding pages.
  static void scan(PageReader& reader, bool& good) {
    std::vector<PageRef> refs;
    {
      const PageReader::Guard guard(reader);
      const auto catalog = reader.fetch_root(reader.state().catalog);
      if (!catalog) {
        ADD_FAILURE() << catalog.error().to_string();
        good = false;
        return;
      }
      refs = refs_in(*catalog);
    }
    std::vector<std::pair<std::string_view, uint32_t>> held;
    for (uint32_t i = 0; i < refs.size(); ++i) {
      std::string value;
      if (i % 3 == 0) {
        const PageReader::Guard guard(reader);
        const auto page = reader.fetch(refs[i], 0);
        value = page ? value_in(*page, kPageBytes) : page.error().to_string();
        if (page && i % 30 == 0) {
          reader.hold(*page);
          held.emplace_back(format::LeafView(*page, kPageBytes).value(0).bytes, i);
        }
      } else {
        const auto pin = reader.pin(refs[i], 0);
        value = pin ? value_in(pin->data(), kPageBytes) : pin.error().to_string();
      }
      if (value != value_of(i, refs[i].birth)) {
        ADD_FAILURE() << value << " is not " << value_of(i, refs[i].birth);
        good = false;
        return;
      }
    }
    for (const auto& [view, index] : held) {
      EXPECT_EQ(view, value_of(index, refs[index].birth));
    }
  }
};

TEST_F(PageStoreThreads, see_whole_snapshots_while_a_writer_commits) {
  open();
  std::vector<PageRef> refs(kLeaves);
  const auto commit_some = [&](uint32_t first, uint32_t count) {
    PageWriter& writer = begin();
    for (uint32_t i = first; i < first + count; ++i) {
      if (!refs[i % kLeaves].is_null()) {
        must(writer.retire(refs[i % kLeaves]));
      }
      refs[i % kLeaves] = new_leaf(writer, value_of(i % kLeaves, writer.csn()));
    }
    if (!store_->meta().catalog.is_null()) {
      must(writer.retire(store_->meta().catalog));
    }
    must(commit(new_catalog(writer, refs)));
  };
  commit_some(0, kLeaves);

  std::atomic<bool> done{false};
  std::atomic<bool> all_good{true};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      bool good = true;
      while (good && !done.load()) {
        PageReader reader = store_->new_reader();
        scan(reader, good);
        if (t == 0) {
          PageReader clone = store_->clone_reader(reader);
          {
            const PageReader gone = std::move(reader);
          }
          scan(clone, good);
        }
      }
      if (!good) {
        all_good = false;
      }
    });
  }
  for (uint32_t i = 0; i < 300 && all_good.load(); ++i) {
    if (i % 10 == 9) {
      PageWriter& writer = begin();
      new_leaves(writer, 60, "nothing");
      store_->abort();
    }
    commit_some(i * kLeavesPerCommit, kLeavesPerCommit);
    (void)store_->stats();
  }
  done = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_TRUE(all_good.load());
  PageWriter& writer = begin();
  must(writer.retire(store_->meta().catalog));
  must(commit({}));
  EXPECT_EQ(store_->stats().awaiting_pages, 0U);
  EXPECT_EQ(places()[static_cast<size_t>(PageStore::Place::kTree)], kLeaves);
  EXPECT_LT(store_->meta().page_count, 2000U);
}

}  // namespace
}  // namespace holdfast
