#include "db/stream_check.h"

#include <string>
#include <utility>
#include <vector>

#include "db/read_state.h"
#include "db/stream_head.h"
#include "db/stream_rows.h"
#include "db/stream_verify.h"
#include "format/stream_segment.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

class StreamChecker {
 public:
  StreamChecker(const DatabaseCore& database, CheckReport& report, const std::function<bool()>& go_on)
      : database_(database),
        report_(report),
        go_on_(go_on),
        state_(database, database.store().new_reader_of_newest()) {}

  Result<void> run() {
    const format::PageRef root = state_.reader().state().streams;
    auto streams = stream_rows::list(state_.reader(), root);
    if (!streams) {
      return note(streams.error());
    }
    report_.streams = streams->size();
    for (const stream_rows::Name& stream : *streams) {
      if (auto checked = check(stream); !checked) {
        HOLDFAST_TRY(note(checked.error()));
      }
      if (report_.stopped) {
        return {};
      }
    }
    return {};
  }

 private:
  // Damage is a finding; anything else ends the check.
  Result<void> note(const Error& error) {
    if (error.code() != ErrorCode::kCorruption) {
      return fail(error);
    }
    report_.damage.push_back({error.file(), error.offset().value_or(0), error.message()});
    return {};
  }

  Result<void> check(const stream_rows::Name& stream) {
    HOLDFAST_TRY_ASSIGN(const auto segments,
                        stream_rows::segments(state_.reader(), state_.reader().state().streams, stream.stream_id));
    for (const stream_rows::Segment& segment : segments) {
      if (segment.row.sealed()) {
        HOLDFAST_TRY(check_footer(stream, segment));
      }
    }
    HOLDFAST_TRY_ASSIGN(const auto found, find_stream(state_.reader(), stream.name));
    VerifyOptions options;
    options.progress = [&](uint64_t, uint64_t) { return go_on_(); };
    HOLDFAST_TRY_ASSIGN(const VerifyReport verified, verify_stream(state_, found.value_or(FoundStream{}), options));
    report_.records += verified.records;
    report_.stopped = report_.stopped || verified.stopped;
    if (verified.finding) {
      report_.damage.push_back({verified.finding->file, verified.finding->position,
                                "stream " + stream.name + ", record " + std::to_string(verified.finding->offset) +
                                    ": " + std::string(tamper_name(verified.finding->kind)) + ": " +
                                    verified.finding->what});
    }
    return {};
  }

  Result<void> check_footer(const stream_rows::Name& stream, const stream_rows::Segment& segment) {
    const std::string name = log::segment_file_name({stream.stream_id, segment.row.file, segment.row.revision});
    const auto in_memory = database_.streams().tail_begin(stream.stream_id);
    if (in_memory && *in_memory <= segment.row.next_offset) {
      return {};  // not written yet
    }
    const auto file = database_.streams().directory().open_file(name, OpenMode::kReadOnly);
    if (!file) {
      return {};  // whoever looks for its records says so
    }
    const uint32_t seed = format::stream_checksum_seed(database_.streams().database_id(), stream.stream_id);
    const auto footer = log::read_footer(**file, segment.first_offset, segment.row, seed);
    if (!footer && footer.error().code() == ErrorCode::kCorruption) {
      return fail(Error(ErrorCode::kCorruption, footer.error().message()).at(name, segment.row.records_end));
    }
    HOLDFAST_TRY(footer);
    return {};
  }

  const DatabaseCore& database_;
  CheckReport& report_;
  const std::function<bool()>& go_on_;
  ReadState state_;
};

}  // namespace

Result<void> check_streams(const DatabaseCore& database, CheckReport& report, const std::function<bool()>& go_on) {
  return StreamChecker(database, report, go_on).run();
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
