// Applies write sets to the trees of one generation, in commit order, and then the catalog and the stream tree.
//
// Threads: the writer's. Fails: after an error the generation must be aborted, and this object thrown away.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <holdfast/result.h>

#include "db/catalog.h"
#include "db/stream_stage.h"
#include "db/write_set.h"
#include "page/page_reader.h"
#include "page/page_writer.h"
#include "tree/tree.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

class WriteSetApplier {
 public:
  // `base`: the state that the generation changes.
  WriteSetApplier(PageWriter& writer, const State& base, Streams& streams)
      : writer_(writer), next_(base), stage_(streams, writer, base) {}

  // Errors: io, corruption, no_space. `writes` must live on only if tell_what_was_there() is called.
  Result<void> apply(WriteSet& writes);
  // The rows of one bucket, keys strictly increasing. Where it is not there it comes to be if that is `implied`, and
  // else nothing happens. Errors: as above.
  Result<void> apply_rows(const std::string& name, bool implied, std::span<const tree::Op> rows);
  // The state after everything that was applied, with this commit number.
  Result<State> finish(Csn csn);
  // Pre: the state is committed. Says in the write sets which buckets came to be by them (BucketWrites::implied).
  void tell_what_was_there();
  PageWriter& writer() { return writer_; }
  // What was appended to streams.
  StreamStage& streams() { return stage_; }

 private:
  using Record = std::optional<format::BucketRecord>;
  // The bucket as it is now; looked up in the catalog at most once.
  Result<Record*> current(const std::string& name);
  Result<void> apply_bucket(BucketWrites& writes, Record& record);
  Result<format::PageRef> apply_points(const PointWrites& points, const format::PageRef& root);
  Result<format::PageRef> apply_rows(std::span<const tree::Op> rows, const format::PageRef& root);
  format::BucketRecord new_bucket() { return {.bucket_id = next_.next_bucket_id++, .root = {}}; }

  PageWriter& writer_;
  State next_;
  StreamStage stage_;
  catalog::Changes buckets_;  // looked up; unchanged ones too
  catalog::Changes changes_;
  std::vector<BucketWrites*> were_there_;
  std::vector<tree::Op> batch_;
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
