// Repro: a failure that was found, small enough to read: corpus/sim/<promise>.repro. It is kept after the bug was fixed
// and then runs clean for ever.
//
// Text, one statement a line, the first word says which; words are separated by spaces, how many does not matter. "#"
// begins a comment, where a statement could begin. First the header:
//
//   holdfast repro 1
//   promise  what must hold, in words
//   class    the account of the failure, with what changes from run to run replaced (attempt.h)
//   seed 4711
//   profile crash
//   verify OFF                       the flavour of the build that failed
//   set key_count 4                  a number of the configuration that is not what the seed draws (settings.h)
//
// then the lives of the process, in order; whatever is not listed does not happen:
//
//   life 2                           its number; "last life 3": the one without faults that ends a run
//   draws config 9 schedule 4 crash 7 probe 0 clock 0 entropy 16
//                                    where the streams of the run stand (random.h)
//   switching stay                   or drawn: who runs next
//   switch at point 12 fiber 3 action 17 to 5
//                                    staying, but here fiber 3 gives way to fiber 5: at its 12th decision point
//                                    (scheduler.h) of that action, or "at wait 2", where it waits or ends
//   client 1 fiber 3 seed 81985529216486895 end 412
//   17 transaction @57               its action 17, and where its draws begin in the client's stream
//   put @61                          a step of that transaction; without steps, they are drawn
//   done @90                         where the draws go on after the last of them
//   18 check @91 follows             an action that is a part of the one before
//   chore close                      of the main fiber (script.h): check_opened, check_rest, damage_open, close ...
//   chore damage_open copy 7 loss 1  the first numbers of its copies
//   probe before write 2 of tree fiber 3 action 17 copy 5
//                                    a copy of the disk, taken before the second write to the file "tree" within that
//                                    action, is cut and recovered
//   fault sync_fails before sync 1 of tree fiber 3 action 17
//   ends power_cut after sync 1 of tree fiber 3 action 17 leaving only names tree 8 9
//                                    or kill, or rest; without a place, when all is over. What the cut leaves of the
//                                    changes that were not durable: drawn, everything, nothing, or only changes of
//                                    names and sizes and these sectors of the file "tree"
//
//   end                              the last line: without it, the file was cut short
//
// If no last life is listed, one follows as it is drawn, but without probes.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "sim/run.h"
#include "sim/run_config.h"
#include "sim/script.h"
#include "sim/settings.h"

namespace holdfast::sim {

enum class Verify : uint8_t { kOff, kOn };
#ifdef HOLDFAST_VERIFY
constexpr Verify kVerifyOfThisBuild = Verify::kOn;
#else
constexpr Verify kVerifyOfThisBuild = Verify::kOff;
#endif

struct Repro {
  std::string promise;
  std::string failure_class;
  uint64_t seed = 0;
  Profile profile = Profile::kDefault;
  Verify verify = kVerifyOfThisBuild;
  std::vector<SetValue> settings;
  Script script;

  bool operator==(const Repro&) const = default;
};

// To play it. The repro must outlive the request.
RunRequest request_of(const Repro& repro);

constexpr size_t kReproBytesMax = size_t{64} << 20U;

std::string write_repro(const Repro& repro);
// Bad text: what is wrong, beginning with "line n: ".
std::expected<Repro, std::string> read_repro(std::string_view text);

}  // namespace holdfast::sim
