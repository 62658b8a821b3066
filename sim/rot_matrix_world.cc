#include "sim/rot_matrix_world.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "sim/projection_events.h"

namespace holdfast::sim {

namespace {

constexpr uint64_t kProcessSeed = 40;
constexpr const char* kBatchFed = "batches";
constexpr const char* kTrimmedStream = "trimmed";

std::string filled(const std::string& start, size_t bytes) {
  std::string text;
  for (size_t count = 0; text.size() < bytes; ++count) {
    text += fmt::format("{} {} ", start, count);
  }
  text.resize(bytes);
  return text;
}

// Keeps what each write is about to replace.
class Historian final : public DiskHooks {
 public:
  Historian(const SimDisk& disk, std::vector<SimDisk>& history) : disk_(disk), history_(history) {}

  void before_io(const IoEvent& event) override {
    if (event.kind != IoKind::kWrite) {
      return;
    }
    std::vector<std::byte> was(static_cast<size_t>(event.bytes));
    disk_.file(event.file).read_truth(event.offset, was);
    if (std::ranges::any_of(was, [](std::byte byte) { return byte != std::byte{0}; })) {
      history_.push_back(disk_);
    }
  }

 private:
  const SimDisk& disk_;
  std::vector<SimDisk>& history_;
};

class Maker {
 public:
  explicit Maker(RotWorld& world) : world_(world), names_(rot_names()), hooks_(world.disk, world.history) {}

  void make(RotState state) {
    open();
    first_life();
    close();
    open();
    second_life();
    live_log();
    compare_with_plan();
    if (state == RotState::kClosed) {
      close();
    } else if (!world_.broken) {
      cut_power();
    }
  }

 private:
  void cut_power() {
    process_->env().kill();
    database_.reset();
    process_.reset();
    Decisions decisions(kProcessSeed);
    world_.disk = world_.disk.power_cut(decisions);
  }

  template <class Answer>
  void ask(const Answer& answer, const char* what) {
    if (!answer && !world_.broken) {
      world_.broken = fmt::format("{} answered {}", what, answer.error().to_string());
    }
  }
  bool is_open() const { return !world_.broken && database_.has_value(); }
  Database& db() { return *database_; }

  void open() {
    if (world_.broken) {
      return;
    }
    process_ = std::make_unique<RotProcess>(world_.disk, hooks_, kProcessSeed + lives_++);
    auto opened = Database::open("db", rot_options(process_->env()));
    ask(opened, "open");
    if (opened) {
      database_ = std::move(*opened);
    }
  }

  void close() {
    if (!is_open()) {
      return;
    }
    ask(db().close(), "close");
    database_.reset();
    process_.reset();
  }

  void put(const char* bucket, const std::string& key, const std::string& value,
           Durability durability = Durability::kDurable) {
    if (is_open()) {
      ask(db().put(bucket, key, value, durability), "put");
      plan_[bucket][key] = value;
      shown();
    }
  }
  void erase(const char* bucket, const std::string& key) {
    if (is_open()) {
      ask(db().erase(bucket, key), "erase");
      plan_[bucket].erase(key);
      shown();
    }
  }
  void put_many(const char* bucket, uint32_t from, uint32_t to, size_t bytes) {
    if (!is_open()) {
      return;
    }
    ask(db().exec([&](Transaction& transaction) -> Result<void> {
      for (uint32_t number = from; number < to; ++number) {
        // Not in order, so that branches get separators of their own.
        const std::string key = fmt::format("customer/{:05}/{}", number * 37 % 10'000, filled("name", number % 30));
        const std::string value = filled(fmt::format("{} of {}", bucket, number), bytes);
        HOLDFAST_TRY(transaction.bucket(bucket).put(key, value));
        plan_[bucket][key] = value;
      }
      return {};
    }),
        "exec");
    shown();
  }
  void append(const char* stream, uint32_t from, uint32_t to, size_t bytes, Codec codec = Codec::kNone) {
    if (!is_open()) {
      return;
    }
    std::vector<std::string> events;
    for (uint32_t number = from; number < to; ++number) {
      events.push_back(filled(fmt::format("event {} of {}", number, stream), bytes + number % 5));
    }
    const std::vector<std::string_view> views(events.begin(), events.end());
    ask(db().stream(stream).append_batch(views, std::nullopt, codec), "append_batch");
    shown();
  }
  void seal(const char* stream) {
    if (is_open()) {
      ask(db().stream(stream).seal(), "seal");
    }
  }
  void apply(uint64_t position) {
    if (!is_open()) {
      return;
    }
    WriteBatch batch(position, audit::sha256(std::to_string(position)));
    reduce(position * 7919, batch);
    ask(db().projection(kBatchFed).apply(batch), "apply");
    shown();
  }
  void follow() {
    if (is_open()) {
      ask(db().projection(kRotProjection).follow(kRotFollowed, rot_reduce), "follow");
    }
  }
  void checkpoint() {
    if (is_open()) {
      ask(db().checkpoint(), "checkpoint");
      world_.states.clear();
      shown();
    }
  }
  // Another state that is acknowledged. The next commit is another thread's, and goes to another lane.
  void shown() {
    if (is_open()) {
      process_->threads().set_id(++commits_);
    }
    if (!is_open() || !watching_) {
      return;
    }
    Verdict broken;
    Inspection seen = inspect(db(), *names_, Tolerance::kNone, broken);
    world_.broken = broken;
    world_.states.push_back(std::move(seen.contents));
  }

  void first_life() {
    put_many("users", 0, 120, 60);
    put_many("users", 120, 400, 60);
    put_many("words", 0, 15, 8);
    put("large", "blob", filled("blob", 10'000));
    put("large", "second", filled("second", 5'000));
    append("audit", 0, 100, 60);
    append(kRotFollowed, 0, 6, 30);
    for (uint64_t position = 1; position <= 6; ++position) {
      apply(position);
    }
    follow();
    checkpoint();
    append("audit", 100, 290, 60);
    append("audit", 290, 294, 700, Codec::kLz4);
    seal("audit");
    if (is_open()) {
      ask(db().stream("audit").redact(7), "redact");
      ask(db().projection(kBatchFed).pin("third", 3), "pin of a projection");
      ask(db().pin("before"), "pin");
    }
    put_many("users", 50, 90, 70);
    put("large", "blob", filled("another blob", 9'000));
    append(kRotFollowed, 6, 9, 30);
    append(kTrimmedStream, 0, 5, 40);
    seal(kTrimmedStream);
    append(kTrimmedStream, 5, 8, 40);
    if (is_open()) {
      ask(db().stream(kTrimmedStream).trim(5), "trim");
    }
    put("large", "gone", filled("gone", 30'000));
    checkpoint();
    erase("large", "gone");
    checkpoint();
    // Into the gap that it left, and somewhere else: several runs.
    put("large", "chain", filled("chain", 60'000));
    checkpoint();
  }

  // Fills the log and lets it be recycled, twice; pages are freed and written again.
  void second_life() {
    for (int round = 0; round < 3; ++round) {
      for (int count = 0; count < 10; ++count) {
        put("churn", fmt::format("key{}", count % 4), filled(fmt::format("round {} {}", round, count), 12'000));
      }
      put_many("users", 200, 260, 61 + static_cast<size_t>(round));
      erase("churn", "key1");
      append("audit", 294, 297, 40);
      follow();
      checkpoint();
    }
    append("audit", 303, 305, 600, Codec::kZstd);
    apply(7);
    watching_ = true;
    checkpoint();
  }

  // What only the log holds.
  void live_log() {
    put("users", "customer/00001/", "the first commit behind the checkpoint");
    put("words", "a large one", filled("more than a segment", 80'000));
    append("audit", 305, 308, 50);
    apply(8);
    put("users", "customer/00002/", "deferred", Durability::kDeferred);
    put("users", "customer/00003/", "deferred, too", Durability::kDeferred);
    put("users", "customer/00004/", "which makes both durable");
    erase("words", "a large one");
    put("users", "customer/00005/", "the last commit but one");
    put("users", "customer/00006/", "the last commit");
  }

  // The engine's answers are the truth from here on: they are held against a plain map once.
  void compare_with_plan() {
    if (world_.broken) {
      return;
    }
    for (const auto& [name, rows] : plan_) {
      const auto& shown = world_.states.back().buckets;
      const auto bucket = std::ranges::find(shown, names_->bucket(name), &Contents::Bucket::bucket);
      const bool same =
          bucket != shown.end() && std::ranges::equal(bucket->rows, rows, [](const Row& is, const auto& was) {
            return is.key == was.first && is.value == ValueMark::of(was.second);
          });
      if (!same) {
        world_.broken = fmt::format("bucket \"{}\" does not hold what was put into it", name);
      }
    }
  }

  RotWorld& world_;
  std::unique_ptr<Model> names_;
  Historian hooks_;
  uint64_t lives_ = 0;
  uint64_t commits_ = 0;
  bool watching_ = false;
  std::unique_ptr<RotProcess> process_;
  std::optional<Database> database_;
  std::map<std::string, std::map<std::string, std::string>> plan_;
};

}  // namespace

Result<std::unique_ptr<Thread>> RotThreads::start(std::string_view /*name*/, std::function<void()> /*body*/) {
  CHECK(false && "nobody is there to run it");
}

RotProcess::RotProcess(SimDisk& disk, DiskHooks& hooks, uint64_t seed)
    : decisions_(seed),
      clock_(decisions_, time_, {}),
      entropy_(decisions_),
      env_(Machine{disk, hooks, trace_, decisions_, clock_, entropy_, threads_, nullptr, 1000}) {}

Result<void> rot_reduce(const StreamRecord& event, WriteBatch& batch) {
  reduce(ValueMark::of(event.payload).hash, batch);
  return {};
}

std::unique_ptr<Model> rot_names() {
  auto names = std::make_unique<Model>();
  names->bucket("users");
  names->projections().projection(kRotProjection, names->streams().stream(kRotFollowed));
  names->projections().projection(kBatchFed, std::nullopt);
  return names;
}

Options rot_options(Env& env) {
  Options options;
  options.page_bytes = kPageBytesMin;
  options.cache_bytes = kCacheBytesMin;
  options.lanes = 2;
  options.checkpoint_wal_bytes = uint64_t{512} << 10;
  options.stream_segment_bytes = uint64_t{16} << 10;
  options.background = false;
  options.env = &env;
  return options;
}

RotWorld make_rot_world(RotState state) {
  RotWorld world;
  Maker(world).make(state);
  return world;
}

}  // namespace holdfast::sim
