// Oracle: what the database promised to whom, and whether it keeps it, also across crashes.
//
// It follows every transaction from begin to the answer of commit, applies what was acknowledged to the Model in csn
// order, and has each log judged as soon as all commits that its snapshot shows are known. After a crash it finds out
// which of the transactions in doubt survived, once and for all.
//
// A commit is *acknowledged* when its caller was told; *in flight* from the call of commit() to its answer; *in doubt*
// when the answer was outcome_unknown or the world ended before it. The *floor* is the newest csn that was acknowledged
// or shown to anybody: no later snapshot of this life may be older. The *durable floor* is the newest csn that was
// promised to survive: nothing up to it may ever be lost. They differ only where commits are deferred; then a crash may
// take a suffix of what was acknowledged, and nothing else.
//
// Invariants: (1) the model holds exactly the commits up to the first csn whose transaction is not known;
//             (2) after recovered() nothing is in doubt: what is not in the model by then must never appear.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <holdfast/options.h>

#include "sim/history.h"
#include "sim/model.h"

namespace holdfast::sim {

struct Asked {
  uint64_t floor = 0;
  uint64_t at = 0;  // a moment of the history
};

class Oracle {
 public:
  using Log = std::shared_ptr<const TxnLog>;
  static constexpr const char* kLedger = "ledger";

  Model& model() { return model_; }
  const Model& model() const { return model_; }
  uint64_t next_transaction_id() { return next_id_++; }

  // --- while the database runs
  uint64_t floor() const { return floor_; }
  // Nothing up to it may ever be lost.
  uint64_t durable_floor() const { return durable_floor_; }
  // Somebody is about to ask for a state: what he must be shown at least.
  Asked ask() { return {floor_, history_.next_moment()}; }
  uint64_t next_moment() { return history_.next_moment(); }
  // A snapshot, asked for when the floor was `floor_before`, shows `csn`. What it shows is durable, unless commits are
  // deferred.
  Verdict shown(const std::string& who, uint64_t csn, uint64_t floor_before);
  // A transaction began on `csn`, which is on its way at least: its commit will say that it is certain.
  Verdict began(const std::string& who, uint64_t csn, uint64_t floor_before);
  // Somebody was told that everything up to `csn` is durable.
  Verdict certain(const std::string& who, uint64_t csn);
  // Somebody may now make up to so many commits of whose numbers nobody is told, and which change no row of a bucket.
  // They are found as what is left over.
  void hide(uint64_t commits, Durability durability);
  // All of them are done that are known of.
  void nothing_hidden();
  // commit() is about to be called.
  void committing(Log log);
  Verdict committed(uint64_t id, uint64_t csn);
  // The answer of commit() proves that nothing was changed.
  Verdict refused(uint64_t id);
  void in_doubt(uint64_t id);
  // What a snapshot, or a transaction that came to nothing, was answered: judged now, or when its snapshot is known.
  Verdict looked(Log log);
  // The same where its snapshot's number is not known: judged with the whole life.
  void looked_somewhen(const Log& log) { history_.looked(log); }
  // Whether some transaction other than `id` committed, or may have, after `csn`: only then may `id` meet a conflict.
  bool others_after(uint64_t csn, uint64_t id) const;
  // Acknowledged commits whose predecessors are not all known.
  size_t unknown_commits() const { return waiting_.size(); }
  // True if every commit is known and nobody is in flight or in doubt.
  bool settled() const {
    return waiting_.empty() && in_flight_.empty() && in_doubt_.empty() && floor_ <= model_.newest_csn();
  }

  // --- crashes
  // The world ended: what was in flight is in doubt.
  void crashed();
  // The database was opened again and shows `contents`. Objects if that is not a state that it may show; otherwise
  // settles everything that was in doubt.
  Verdict recovered(Contents contents);
  // The same question for a copy that was cut off now: nothing is settled, transactions in flight may be there or not.
  Verdict probed(const Contents& contents);

  uint64_t doubts_survived() const { return doubts_survived_; }
  uint64_t doubts_lost() const { return doubts_lost_; }
  uint64_t logs_judged() const { return logs_judged_; }
  uint64_t attempts_ordered() const { return attempts_ordered_; }

 private:
  struct Candidate {
    Log log;
    bool used = false;
  };
  // One search for an order of the transactions in doubt that explains the contents.
  struct Search {
    const Contents* contents = nullptr;
    std::vector<Candidate> candidates;
    std::vector<Log> chosen;  // by csn, from the model's newest + 1
    uint64_t tries_left = 0;
    uint64_t hidden_left = 0;
  };

  Verdict advance();
  Verdict find_hidden();
  uint64_t newest_possible() const {
    return model_.newest_csn() + waiting_.size() + in_flight_.size() + in_doubt_.size() + hidden_;
  }
  Verdict judge_waiting();
  Verdict judge_look(Log log);
  // The life ends with what the next one shows: its history must have an explanation of its own.
  Verdict judge_life(Contents contents);
  Verdict possible(const std::string& who, uint64_t csn, uint64_t floor_before) const;
  void raise_floor(uint64_t csn, const std::string& reason);
  void raise_durable_floor(uint64_t csn, const std::string& reason);
  // Takes out of the model what lies behind `csn`; the last first.
  std::vector<Log> take_back(uint64_t csn);
  Verdict bounds(const Contents& contents) const;
  Verdict explain(const Contents& contents, Search& search);
  Verdict place(Search& search, uint64_t csn);
  Verdict try_place(Search& search, uint64_t csn, const Log& log);
  Verdict compare(const Contents& contents) const;
  Verdict compare_streams(const Contents& contents) const;
  Verdict place_hidden(Search& search, uint64_t csn);
  std::string describe_doubts() const;

  Model model_;
  uint64_t next_id_ = 1;
  uint64_t floor_ = 0;
  std::string floor_reason_ = "the empty database";
  uint64_t durable_floor_ = 0;
  std::string durable_reason_ = "the empty database";
  bool deferred_ = false;              // in this life some commit was
  std::map<uint64_t, Log> uncertain_;  // in the model, above the durable floor
  std::map<uint64_t, Log> waiting_;    // acknowledged, by csn; an earlier one is not known yet
  struct InFlight {
    Log log;
    uint64_t floor = 0;
  };
  std::map<uint64_t, InFlight> in_flight_;  // by id
  std::map<uint64_t, Log> in_doubt_;        // by id
  uint64_t hidden_ = 0;                     // commits that may have been made, or may be yet
  std::vector<Log> looks_;                  // not judged yet
  uint64_t doubts_survived_ = 0;
  uint64_t doubts_lost_ = 0;
  uint64_t logs_judged_ = 0;
  History history_;
  uint64_t attempts_ordered_ = 0;
};

}  // namespace holdfast::sim
