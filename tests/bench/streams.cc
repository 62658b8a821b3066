#include "tests/bench/streams.h"

#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <holdfast/holdfast.hpp>

#include "tests/bench/engine.h"

namespace holdfast::bench {
namespace {

constexpr uint64_t kBatchEvents = 1'000;
constexpr uint64_t kAppendBytes = uint64_t{64} << 20;
constexpr size_t kLeafBytes = 118;  // what the chain hashes per record
constexpr size_t kRecordOverhead = 48;
constexpr int kPoints = 500;

double seconds_of(const auto& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::vector<std::string> events_of(size_t bytes) {
  std::vector<std::string> events;
  for (uint64_t at = 0; at < kBatchEvents; ++at) {
    std::string event = fmt::format("event {} ", at);
    while (event.size() < bytes) event += static_cast<char>('a' + (event.size() * 7 + at) % 26);
    events.push_back(event.substr(0, bytes));
  }
  return events;
}

std::string empty(const std::string& directory) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  sync();
  return directory;
}

// The bare loop: digest of the payload, digest of the leaf that holds it and the one before, copy; a write and a sync
// per batch.
class BareChain {
 public:
  BareChain() : context_(EVP_MD_CTX_new()), sha256_(EVP_MD_fetch(nullptr, "SHA256", nullptr)) {
    bench_check(context_ != nullptr && sha256_ != nullptr, "raw: no SHA-256");
  }
  ~BareChain() {
    EVP_MD_CTX_free(context_);
    EVP_MD_free(sha256_);
  }
  BareChain(const BareChain&) = delete;
  BareChain& operator=(const BareChain&) = delete;

  void append(const std::string& event, std::vector<char>& out) {
    digest(event.data(), event.size(), leaf_.data() + 86);
    const size_t at = out.size();
    out.resize(at + event.size() + kRecordOverhead);
    std::memcpy(out.data() + at + 44, event.data(), event.size());
    std::memcpy(out.data() + at + 8, leaf_.data() + 54, 32);
    digest(leaf_.data(), leaf_.size(), leaf_.data() + 54);
  }

 private:
  void digest(const void* data, size_t bytes, unsigned char* out) {
    unsigned size = 0;
    const bool good = EVP_DigestInit_ex2(context_, sha256_, nullptr) == 1 &&
                      EVP_DigestUpdate(context_, data, bytes) == 1 && EVP_DigestFinal_ex(context_, out, &size) == 1;
    bench_check(good, "raw: SHA-256 failed");
  }
  EVP_MD_CTX* context_;
  EVP_MD* sha256_;
  std::array<unsigned char, kLeafBytes> leaf_{};
};

double bare_append(const std::string& directory, const std::vector<std::string>& events, uint64_t batches) {
  const int file = ::open((empty(directory) + "/log").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  bench_check(file >= 0, "raw: cannot create a file");
  BareChain chain;
  std::vector<char> out;
  off_t at = 0;
  const double seconds = seconds_of([&] {
    for (uint64_t batch = 0; batch < batches; ++batch) {
      out.clear();
      for (const std::string& event : events) chain.append(event, out);
      bench_check(::pwrite(file, out.data(), out.size(), at) == static_cast<ssize_t>(out.size()), "raw: write");
      bench_check(::fdatasync(file) == 0, "raw: sync");
      at += static_cast<off_t>(out.size());
    }
  });
  ::close(file);
  return seconds;
}

void append_all(Database& database, const std::vector<std::string>& events, uint64_t batches) {
  const std::vector<std::string_view> views(events.begin(), events.end());
  Stream stream = database.stream("audit");
  for (uint64_t batch = 0; batch < batches; ++batch) {
    bench_check(stream.append_batch(views).has_value(), "holdfast: append");
  }
}

void measure_append(Table& table, const std::string& directory, size_t bytes) {
  const std::string work = fmt::format("event append, {} B, durable batches of 1,000", bytes);
  const std::vector<std::string> events = events_of(bytes);
  const uint64_t batches = kAppendBytes / (bytes * kBatchEvents);
  const auto count = static_cast<double>(batches * kBatchEvents);
  table.add(work, "raw", bare_append(directory + "/raw", events, batches) / count * 1e9);
  Database database = Database::open(empty(directory + "/holdfast")).value();
  table.add(work, "holdfast", seconds_of([&] { append_all(database, events, batches); }) / count * 1e9);
}

void measure_reading(Table& table, const std::string& directory) {
  const std::vector<std::string> events = events_of(100);
  Database database = Database::open(empty(directory + "/holdfast")).value();
  const uint64_t batches = 1'000;
  append_all(database, events, batches);
  bench_check(database.checkpoint().has_value(), "holdfast: checkpoint");
  const Stream stream = database.stream("audit");
  const uint64_t size = stream.head().value().next_offset;
  const auto per_record = [&](double seconds) { return seconds / static_cast<double>(size) * 1e9; };
  for (const uint32_t threads : {1U, 2U}) {
    table.add(fmt::format("verify, per record of 100 B, {} thread{}", threads, threads == 1 ? "" : "s"), "holdfast",
              per_record(seconds_of(
                  [&] { bench_check(stream.verify({.threads = threads}).value().sound(), "holdfast: verify"); })));
  }
  table.add(
      "verify the last record of 1 M", "holdfast",
      seconds_of([&] { bench_check(stream.verify({.from = size - 1}).value().sound(), "holdfast: verify"); }) * 1e9);
  table.add("read all, per record of 100 B", "holdfast", per_record(seconds_of([&] {
              for (uint64_t next = 0; next < size;) next += stream.read(next, uint64_t{1} << 20).value().size();
            })));
  table.add("read one record, at random", "holdfast",
            seconds_of([&] {
              for (uint64_t i = 0; i < kPoints; ++i) {
                bench_check(stream.read(i * 7'919'777 % size, 1).has_value(), "holdfast: read");
              }
            }) / kPoints *
                1e9);
  table.add("prove one record of 1 M", "holdfast",
            seconds_of([&] {
              for (uint64_t i = 0; i < kPoints; ++i) {
                bench_check(stream.prove_inclusion(i * 7'919'777 % size, size).has_value(), "holdfast: prove");
              }
            }) / kPoints *
                1e9);
}

}  // namespace

void measure_streams(Table& table, const std::string& directory, int repetitions) {
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    measure_append(table, directory, 100);
    measure_append(table, directory, 1024);
    measure_reading(table, directory);
  }
}

}  // namespace holdfast::bench
