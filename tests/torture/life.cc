#include "tests/torture/life.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>
#include <holdfast/holdfast.hpp>

namespace holdfast::torture {

namespace {

[[noreturn]] void give_up(const char* what, const Error& error) {
  std::fprintf(stderr, "torture: %s: %s\n", what, error.to_string().c_str());
  _exit(1);
}

class Client {
 public:
  // One in `durable_one_in` commits is durable, the others are deferred.
  Client(Database& database, int acknowledgements, uint32_t client, uint64_t seed, uint64_t durable_one_in)
      : database_(database),
        acknowledgements_(acknowledgements),
        client_(client),
        durable_one_in_(durable_one_in),
        draw_(seed * kClients + client) {}

  void run() {
    uint64_t number = last_number();
    for (;;) {
      number += 1;
      const bool is_durable = draw_.one_in(durable_one_in_);
      const Csn csn = commit(number, is_durable ? Durability::kDurable : Durability::kDeferred);
      acknowledge(number, csn, is_durable);
      if (!is_durable && draw_.one_in(4 * durable_one_in_)) {
        if (const auto waited = database_.wait_durable(csn); !waited) {
          give_up("wait_durable", waited.error());
        }
        acknowledge(number, csn, true);
      } else if (!is_durable && draw_.one_in(16)) {
        const auto asked = database_.when_durable(csn, [this, number, csn](const Result<void>& done) {
          if (done) {
            acknowledge(number, csn, true);
          }
        });
        if (!asked) {
          give_up("when_durable", asked.error());
        }
      }
      if (draw_.one_in(400)) {
        if (const auto made = database_.checkpoint(); !made) {
          give_up("checkpoint", made.error());
        }
      }
    }
  }

 private:
  uint64_t last_number() {
    const auto last = database_.get("last", std::to_string(client_));
    if (!last && last.error().code() != ErrorCode::kNotFound) {
      give_up("reading the last commit", last.error());
    }
    return last && *last ? std::strtoull((*last)->c_str(), nullptr, 10) : 0;
  }

  Csn commit(uint64_t number, Durability durability) {
    const auto committed = database_.exec(
        [&](Transaction& transaction) -> Result<void> {
          const PlannedCommit plan = planned(client_, number);
          HOLDFAST_TRY(transaction.bucket("last").put(std::to_string(client_), std::to_string(number)));
          Bucket rows = transaction.bucket("rows");
          if (plan.erases_first) {
            HOLDFAST_TRY(rows.erase_range(row_key(client_, 0), row_key(client_, kRowsMax)));
          }
          for (uint32_t index = 0; index < plan.rows; ++index) {
            HOLDFAST_TRY(rows.put(row_key(client_, index), row_value(client_, number, index)));
          }
          return {};
        },
        Isolation::kSnapshot, durability);
    if (!committed) {
      give_up("commit", committed.error());
    }
    return committed->csn;
  }

  // One write of the operating system, which appends: it is there wholly, or not at all, when the process is killed.
  void acknowledge(uint64_t number, Csn csn, bool is_durable) const {
    const Acknowledgement told{client_, number, to_int(csn), is_durable ? 1U : 0U};
    if (write(acknowledgements_, &told, sizeof(told)) != static_cast<ssize_t>(sizeof(told))) {
      std::perror("torture: writing an acknowledgement");
      _exit(1);
    }
  }

  Database& database_;
  const int acknowledgements_;
  const uint32_t client_;
  const uint64_t durable_one_in_;
  Draw draw_;
};

}  // namespace

Options draw_options(Draw& draw) {
  Options options;
  options.page_bytes = 4096;
  options.cache_bytes = uint64_t{1} << 20;
  options.lanes = static_cast<uint16_t>(1 + draw.below(4));
  options.checkpoint_wal_bytes = kCheckpointWalBytesMin << draw.below(4);
  options.checkpoint_every_commit = draw.one_in(12);
  options.background = !draw.one_in(3);
  return options;
}

int live(const std::string& path, const std::string& acknowledgements, uint64_t seed) {
  Draw draw(seed);
  auto database = Database::open(path, draw_options(draw));
  if (!database) {
    give_up("open", database.error());
  }
  const int descriptor = open(acknowledgements.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    std::perror("torture: the file of acknowledgements");
    return 1;
  }
  const uint64_t durable_one_in = std::array<uint64_t, 4>{1, 2, 10, 500}[draw.below(4)];
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::thread> threads;
  for (uint32_t client = 0; client < kClients; ++client) {
    clients.push_back(std::make_unique<Client>(*database, descriptor, client, seed, durable_one_in));
    threads.emplace_back([mine = clients.back().get()] { mine->run(); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  return 1;
}

}  // namespace holdfast::torture
