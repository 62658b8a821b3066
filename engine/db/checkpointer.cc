#include "db/checkpointer.h"

#include <utility>

#include "base/check.h"
#include "base/planted.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

Result<bool> Checkpointer::begin() {
  CHECK(!checkpoint_);
  if (store_.newest().csn == store_.meta().csn) {
    // No tail is left; but files may have been superseded since.
    streams_.end_flush(streams_.begin_flush(), true);
    return false;
  }
  store_.set_log_start(log_.start_behind(store_.newest().csn));
  HOLDFAST_TRY_ASSIGN(checkpoint_, store_.begin_checkpoint());
  flush_ = streams_.begin_flush();
  const sync::Lock lock(mutex_);
  is_writing_ = true;
  return true;
}

Result<void> Checkpointer::write() {
  auto written = write_streams(flush_);
  if (written) {
    written = store_.write_checkpoint(*checkpoint_);
  }
  const sync::Lock lock(mutex_);
  is_writing_ = false;
  written_.notify_all();
  return written;
}

Result<void> Checkpointer::write_streams(const StreamFlush& flush) {
  auto written = streams_.write(flush);
  if (!written && written.error().code() == ErrorCode::kIo) {
    return fail(store_.fail_for_ever(written.error()));
  }
  return written;
}

void Checkpointer::finish() {
  {
    sync::Lock lock(mutex_);
    written_.wait(lock, [this] { return !is_writing_; });
  }
  if (!checkpoint_) {
    return;
  }
  const bool is_durable = checkpoint_->stage == Checkpoint::Stage::kDurable;
  const format::LogStart start = checkpoint_->meta.log;
  store_.end_checkpoint(std::move(checkpoint_));
  streams_.end_flush(flush_, is_durable);
  if (is_durable || PLANTED(kRecycleUndurable)) {
    log_.recycle(start);
    count_.fetch_add(1, std::memory_order_relaxed);
  }
}

Result<void> Checkpointer::make() {
  HOLDFAST_TRY_ASSIGN(const bool begun, begin());
  if (!begun) {
    return {};
  }
  auto written = write();
  finish();
  return written;
}

Result<void> Checkpointer::close() {
  finish();
  format::LogStart start = log_.start_behind(store_.newest().csn);
  start.closed = true;
  store_.set_log_start(start);
  const StreamFlush flush = streams_.begin_flush();
  auto closed = write_streams(flush);
  if (closed) {
    closed = store_.checkpoint();
  }
  streams_.end_flush(flush, closed.has_value());
  HOLDFAST_TRY(closed);
  log_.recycle_and_give_back(start);
  return {};
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
