// Generations that are published in memory, shown, and made durable by a checkpoint beside later ones.
#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <tuple>

#include "tests/page/fixture.h"

namespace holdfast {
namespace {

using format::PageRef;

// A state is a few leaves, listed in the catalog; the model knows what each must say.
class PageStoreCheckpoint : public PageStoreTest {
 protected:
  static constexpr size_t kLeaves = 120;  // with their superseded versions more than the cache holds
  struct Model {
    Csn csn{};
    PageRef catalog;
    std::array<PageRef, kLeaves> refs;
    std::array<std::string, kLeaves> values;
  };

  // The catalog's rows hold 30 references each.
  static PageRef new_catalog(PageWriter& writer, const Model& model) {
    PageEdit edit = must(writer.allocate(format::PageKind::kLeaf, 0));
    format::LeafBuilder builder(kPageBytes);
    std::array<std::string, 4> rows;
    for (size_t i = 0; i < kLeaves; ++i) {
      const format::PageRefOnDisk bytes = format::encode(model.refs[i]);
      rows[i / 30].append(reinterpret_cast<const char*>(&bytes), sizeof bytes);
    }
    const std::string keys = "abcd";
    for (size_t i = 0; i < rows.size(); ++i) {
      format::LeafValue value;
      value.bytes = rows[i];
      builder.add(std::string_view(keys).substr(i, 1), value);
    }
    builder.finish(edit.data());
    return edit.ref();
  }
  // Replaces the leaves in [begin, end) and the catalog, in the open generation.
  static Model change(PageWriter& writer, const Model& from, size_t begin, size_t end) {
    Model to = from;
    to.csn = writer.csn();
    for (size_t i = begin; i < end; ++i) {
      if (!to.refs[i].is_null()) {
        must(writer.retire(to.refs[i]));
      }
      to.values[i] = "leaf " + std::to_string(i) + " born " + std::to_string(to_int(to.csn));
      PageEdit edit = must(writer.allocate(format::PageKind::kLeaf, 0));
      fill_leaf(edit, kPageBytes, to.values[i]);
      to.refs[i] = edit.ref();
    }
    if (!to.catalog.is_null()) {
      must(writer.retire(to.catalog));
    }
    to.catalog = new_catalog(writer, to);
    return to;
  }
  static State state_of(const Model& model) { return {model.csn, model.catalog, 1}; }
  void expect_reads(PageReader& reader, const Model& model) {
    ASSERT_EQ(reader.state().csn, model.csn);
    ASSERT_EQ(reader.state().catalog, model.catalog);
    for (size_t i = 0; i < kLeaves; ++i) {
      ASSERT_EQ(read(reader, model.refs[i]), model.values[i]);
    }
  }
  void fill_first() {
    open();
    PageWriter& writer = begin();
    models_.push_back(change(writer, Model{}, 0, kLeaves));
    must(store_->commit(state_of(models_.back())));
  }
  const Model& model_at(Csn csn) {
    for (const Model& model : models_) {
      if (model.csn == csn) {
        return model;
      }
    }
    ADD_FAILURE() << "no state has csn " << to_int(csn);
    std::abort();
  }
  Model publish_change(size_t begin, size_t end) {
    PageWriter& writer = *must(store_->begin(next(store_->newest().csn)));
    models_.push_back(change(writer, models_.back(), begin, end));
    must(store_->publish(state_of(models_.back())));
    return models_.back();
  }

  std::vector<Model> models_;  // every state that was published, oldest first
};

TEST_F(PageStoreCheckpoint, shows_a_published_state_to_new_readers_only_when_it_is_told_to) {
  fill_first();
  const Model one = models_.back();
  const Model two = publish_change(0, 3);
  const Model three = publish_change(2, 5);
  PageReader before = store_->new_reader();
  expect_reads(before, one);
  PageReader newest = store_->new_reader_of_newest();
  expect_reads(newest, three);
  store_->show(two.csn);
  PageReader middle = store_->new_reader();
  expect_reads(middle, two);
  store_->show(three.csn);
  PageReader after = store_->new_reader();
  expect_reads(after, three);
  expect_reads(before, one);
  expect_reads(middle, two);
}

TEST_F(PageStoreCheckpoint, touches_no_file_before_the_checkpoint_and_keeps_nothing_after_a_crash) {
  fill_first();
  const Model one = models_.back();
  faults_.events.clear();
  const Model two = publish_change(0, 2);
  store_->show(two.csn);
  for (const std::string& event : faults_.events) {
    EXPECT_TRUE(event.starts_with("allocate")) << event;
  }
  reopen();
  PageReader reader = store_->new_reader();
  expect_reads(reader, one);
}

TEST_F(PageStoreCheckpoint, makes_the_chosen_state_durable_while_generations_go_on) {
  fill_first();
  const Model two = publish_change(0, 4);
  auto checkpoint = must(store_->begin_checkpoint());
  const Model three = publish_change(2, 6);
  must(store_->write_checkpoint(*checkpoint));
  store_->end_checkpoint(std::move(checkpoint));
  EXPECT_EQ(store_->meta().csn, two.csn);
  store_->show(three.csn);
  PageReader reader = store_->new_reader();
  expect_reads(reader, three);
  {
    const PageReader ended = std::move(reader);
  }
  reopen();
  PageReader again = store_->new_reader();
  expect_reads(again, two);
  EXPECT_EQ(store_->failure(), "");
}

TEST_F(PageStoreCheckpoint, has_nothing_to_do_when_the_newest_state_is_durable) {
  fill_first();
  faults_.events.clear();
  must(store_->checkpoint());
  EXPECT_TRUE(faults_.events.empty());
}

TEST_F(PageStoreCheckpoint, gives_pages_back_at_once_that_no_durable_state_and_no_reader_needs) {
  fill_first();
  store_->show(publish_change(0, 10).csn);
  const uint64_t pages = store_->stats().page_count;
  for (int i = 0; i < 200; ++i) {
    store_->show(publish_change(0, 10).csn);
  }
  EXPECT_LE(store_->stats().page_count, pages + 22) << "two generations of eleven pages take turns";
}

TEST_F(PageStoreCheckpoint, leaves_everything_as_it_was_on_a_full_disk_and_works_again) {
  fill_first();
  const Model one = models_.back();
  for (uint64_t at = 0;; ++at) {
    const Model newest = publish_change(at % kLeaves, at % kLeaves + 1);
    store_->show(newest.csn);
    faults_.os_error = ENOSPC;
    faults_.fail_at = faults_.changes + at;
    faults_.events.clear();
    auto checkpoint = must(store_->begin_checkpoint());
    auto written = store_->write_checkpoint(*checkpoint);
    const bool reached_meta = std::ranges::find(faults_.events, "sync") != faults_.events.end() && written;
    store_->end_checkpoint(std::move(checkpoint));
    faults_.fail_at.reset();
    PageReader reader = store_->new_reader();
    expect_reads(reader, newest);
    if (reached_meta) {
      EXPECT_GT(at, 1U);
      break;
    }
    if (written.error().code() == ErrorCode::kOutcomeUnknown) {
      EXPECT_NE(store_->failure(), "") << "the meta page was in doubt";
      break;
    }
    EXPECT_EQ(written.error().code(), ErrorCode::kNoSpace);
    EXPECT_EQ(store_->meta().csn, at == 0 ? one.csn : store_->meta().csn);
    must(store_->checkpoint());
    EXPECT_EQ(store_->meta().csn, newest.csn);
    store_->verify_free_map([](PageNumber page, const std::string& what) { ADD_FAILURE() << to_int(page) << what; });
  }
}

TEST_F(PageStoreCheckpoint, never_uses_a_stamp_of_a_failed_attempt_again_however_often_it_fails) {
  fill_first();
  // Two more states: then there are free pages, and a map of them.
  for (size_t i = 0; i < 2; ++i) {
    store_->show(publish_change(i, i + 1).csn);
    must(store_->checkpoint());
  }
  store_->show(publish_change(5, 6).csn);
  std::set<std::tuple<PageNumber, Epoch>> tried;  // pages of the map, all with the csn of the newest state
  for (int attempt = 0; attempt < 6; ++attempt) {
    auto checkpoint = must(store_->begin_checkpoint());
    for (const PageImage& image : checkpoint->images) {
      if (std::ranges::find(checkpoint->pages, image.page) == checkpoint->pages.end()) {
        EXPECT_TRUE(tried.emplace(image.page, checkpoint->map_epoch).second) << "attempt " << attempt;
      }
    }
    EXPECT_EQ(tried.size(), static_cast<size_t>(attempt) + 1) << "one page of the map each time";
    faults_.os_error = ENOSPC;
    faults_.fail_at = faults_.changes;
    must_fail(store_->write_checkpoint(*checkpoint), ErrorCode::kNoSpace);
    store_->end_checkpoint(std::move(checkpoint));
  }
  must(store_->checkpoint());
  store_->verify_free_map([](PageNumber page, const std::string& what) { ADD_FAILURE() << to_int(page) << what; });
}

// Everything at random, against the model: who may read what, what is there after a crash, and where each page belongs.
TEST_F(PageStoreCheckpoint, keeps_every_state_that_somebody_needs_whatever_happens) {
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto below = [&](uint64_t n) { return random() % n; };
    store_.reset();
    must(directory_->remove("tree"));
    must(PageStore::create(*env_, *directory_, "tree", test_id(), kPageBytes));
    faults_ = {};
    models_.clear();
    fill_first();
    struct Held {
      PageReader reader;
      Model model;
    };
    std::vector<Held> held;
    std::unique_ptr<Checkpoint> checkpoint;
    bool is_written = false;
    Csn shown = models_.back().csn;
    for (int step = 0; step < 120; ++step) {
      switch (below(10)) {
        case 0:
        case 1:
        case 2:
        case 3: {
          const size_t begin = below(kLeaves);
          const size_t end = std::min<size_t>(begin + 1 + below(20), kLeaves);
          PageWriter& writer = *must(store_->begin(next(store_->newest().csn)));
          Model changed = change(writer, models_.back(), begin, end);
          if (below(5) == 0) {
            store_->abort();
          } else if (!checkpoint && below(6) == 0) {
            must(store_->commit(state_of(changed)));
            shown = changed.csn;
            models_.push_back(std::move(changed));
          } else {
            must(store_->publish(state_of(changed)));
            models_.push_back(std::move(changed));
          }
          break;
        }
        case 4:
          shown = std::max(shown, models_[below(models_.size())].csn);
          store_->show(shown);
          break;
        case 5: held.push_back({store_->new_reader(), model_at(shown)}); break;
        case 6: held.push_back({store_->new_reader_of_newest(), models_.back()}); break;
        case 7:
          if (!held.empty()) {
            std::swap(held[below(held.size())], held.back());
            held.pop_back();
          }
          break;
        case 8:
          if (!checkpoint) {
            checkpoint = must(store_->begin_checkpoint());
            is_written = false;
          } else if (!is_written) {
            if (below(4) == 0) {
              faults_.os_error = ENOSPC;
              faults_.fail_at = faults_.changes;
              must_fail(store_->write_checkpoint(*checkpoint), ErrorCode::kNoSpace);
              faults_.fail_at.reset();
            } else {
              must(store_->write_checkpoint(*checkpoint));
            }
            is_written = true;
          } else {
            store_->end_checkpoint(std::move(checkpoint));
          }
          break;
        default:
          if (below(8) == 0) {
            held.clear();
            checkpoint.reset();
            reopen();
            PageReader reader = store_->new_reader();
            const Model survived = model_at(reader.state().csn);
            expect_reads(reader, survived);
            while (models_.back().csn > survived.csn) {
              models_.pop_back();
            }
            shown = survived.csn;
          }
      }
      for (Held& each : held) {
        expect_reads(each.reader, each.model);
      }
      ASSERT_FALSE(HasFatalFailure() || HasNonfatalFailure()) << "step " << step;
    }
  }
}

TEST_F(PageStoreCheckpoint, is_written_by_one_thread_while_another_commits_and_others_read) {
  fill_first();
  store_.reset();
  // Without faults, whose list of events belongs to one thread.
  const auto plain = must(env_->open_directory("db", DirectoryMode::kMustExist));
  store_ = must(PageStore::open(*env_, *plain, "tree", {.cache_bytes = kCacheBytes}));
  std::atomic<bool> stop{false};
  std::mutex writer_mutex;  // the writer is one thread at a time
  std::thread checkpointer([&] {
    while (!stop.load()) {
      std::unique_ptr<Checkpoint> checkpoint;
      {
        const std::lock_guard lock(writer_mutex);
        checkpoint = must(store_->begin_checkpoint());
      }
      must(store_->write_checkpoint(*checkpoint));
      const std::lock_guard lock(writer_mutex);
      store_->end_checkpoint(std::move(checkpoint));
    }
  });
  std::thread reader_thread([&] {
    while (!stop.load()) {
      PageReader reader = store_->new_reader();
      const std::lock_guard lock(writer_mutex);
      const Model model = model_at(reader.state().csn);
      expect_reads(reader, model);
    }
  });
  for (int i = 0; i < 300; ++i) {
    const std::lock_guard lock(writer_mutex);
    const size_t begin = static_cast<size_t>(i * 7) % (kLeaves - 5);
    store_->show(publish_change(begin, begin + 5).csn);
  }
  stop.store(true);
  checkpointer.join();
  reader_thread.join();
  must(store_->checkpoint());
  const Model newest = models_.back();
  reopen();
  PageReader reader = store_->new_reader();
  expect_reads(reader, newest);
}

}  // namespace
}  // namespace holdfast
