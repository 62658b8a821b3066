// Pins: states that stay readable, also after a reopen, until somebody takes the pin away.
//
// A pin is a row that holds the roots of a state. The pages of that state stay in use when they die
// (PageWriter::retire); nothing remembers them one by one. Who takes the pin away looks for those that neither the
// newest state nor another pin reaches, and lets them go in the same commit: so a crash leaves the pin with all its
// pages, or neither.
//
// A pin comes to be, and goes, in a commit that is a checkpoint of its own, behind one that made the pinned state
// durable: no pin is ever in the log, so all are known before a recovery changes a page.
//
// Threads: any. Errors of all: io, corruption, those of commit and checkpoint.
#pragma once

#include <string_view>
#include <vector>

#include <holdfast/database.h>
#include <holdfast/result.h>

#include "db/core.h"
#include "format/pin_row.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

struct NamedPin {
  std::string name;
  format::PinRow row;
};
// The pins that a state knows of, by name.
Result<std::vector<NamedPin>> read_pins(PageReader& reader);
// Tells the store of the pins of its newest state. Where damage hides them, every page that dies is kept: nothing that
// may be pinned is written over. Writer's thread, between generations. Errors: io.
Result<void> load_pins(PageStore& store);
inline State state_of(const format::PinRow& row) { return {row.csn, row.catalog, row.next_bucket_id, row.streams}; }

// See Database. `retained_bytes` is 0 where it was not asked for.
Result<Pin> pin_state(DatabaseCore& database, std::string_view name);
Result<bool> unpin_state(DatabaseCore& database, std::string_view name);
Result<std::vector<Pin>> list_pins(const DatabaseCore& database);
// A reader of the newest state that the choice takes, of those that are kept. Errors also: not_found.
Result<PageReader> reader_of_csn(const DatabaseCore& database, Csn csn);
Result<PageReader> reader_of_pin(const DatabaseCore& database, std::string_view name);
Result<PageReader> reader_of_time(const DatabaseCore& database, uint64_t wall_ns);

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
