// StreamStage: what the transactions of one generation append to streams, until the generation is published or not.
//
// Threads: the leader's. Destroyed without keep(): nothing has happened.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <holdfast/result.h>

#include "db/streams.h"
#include "db/write_set.h"
#include "page/page_writer.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

class StreamStage {
 public:
  // `base`: the state that the generation changes.
  StreamStage(Streams& streams, PageWriter& writer, const State& base)
      : streams_(streams), writer_(writer), base_(base) {}

  bool empty() const { return appends_.empty() && rows_.empty(); }
  // Gives the events their places; streams that are new take their ids from `next_id`. Errors: io, corruption.
  Result<void> append(WriteSet& writes, uint64_t& next_id);
  // The stream tree with everything that was appended. Errors: those of tree::apply.
  Result<format::PageRef> finish();
  // For a generation that becomes durable without the log: everything that is to be in files, with what the tails hold.
  StreamFlush flush() const;
  // Pre: the generation is published.
  void keep();

 private:
  struct Staged {
    std::unique_ptr<Streams::Live> fresh;  // the stream is new
    Streams::Live* live = nullptr;
    std::unique_ptr<log::Appender> appender;
  };
  // What the appenders have made so far.
  void take_rows();
  Result<Staged*> stage(const std::string& name, uint64_t& next_id);

  Streams& streams_;
  PageWriter& writer_;
  const State base_;
  std::map<std::string, Staged, std::less<>> appends_;
  StreamRows rows_;
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
