// Which build of the engine a program uses: real threads, or the simulator's.
//
// Both are made from the same sources; the targets `holdfast` and `holdfast_sim` set HOLDFAST_SIM for whoever links
// them. The public classes live in an inline namespace named after the choice, so mixing the two does not link.
#pragma once

#ifdef HOLDFAST_SIM
#define HOLDFAST_FLAVOR simulated_threads
#else
#define HOLDFAST_FLAVOR real_threads
#endif
