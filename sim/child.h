// Child: a process of its own for work that may abort or hang, and what it tells: messages through one pipe, what it
// writes to standard error through another. The parent reads both, so that neither fills up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/types.h>

namespace holdfast::sim {

// The child's side. Ends the process where the parent is gone.
void tell(int to, const void* data, size_t bytes);

class Child {
 public:
  // Runs `work` in a new process, which must end itself (_exit); it is given where to tell.
  void start(const std::function<void(int to)>& work);
  bool running() const { return process_ > 0; }

  // Adds what is to be waited for.
  void poll_in(std::vector<pollfd>& polled) const;
  // Takes what has come, if it is said to be there. False: the child has closed its end; then end() is due.
  bool take(const std::vector<pollfd>& polled);
  // What was told and not yet erased.
  std::string& received() { return received_; }

  // Waits for the end of the process. Empty: it ended with exit code 0; otherwise how, and what it wrote last.
  // `seconds_max`: what its alarm was set to.
  std::string end(uint32_t seconds_max);

 private:
  pid_t process_ = -1;
  int messages_ = -1;
  int errors_ = -1;
  std::string received_;
  std::string error_text_;
};

// Waits a moment for what workers tell, each of which has a `child`: `parse` is given what has come and takes off what
// is whole, `ended` those whose child has, and may start another. False: nobody works any more.
template <class Worker, class Parse, class Ended>
bool wait_for_messages(std::vector<Worker>& workers, Parse parse, Ended ended) {
  constexpr int kPollMs = 50;
  std::vector<pollfd> polled;
  for (const Worker& worker : workers) {
    worker.child.poll_in(polled);
  }
  if (polled.empty()) {
    return false;
  }
  ::poll(polled.data(), polled.size(), kPollMs);
  for (Worker& worker : workers) {
    if (worker.child.running()) {
      const bool more = worker.child.take(polled);
      parse(worker.child.received());
      if (!more) {
        ended(worker);
      }
    }
  }
  return true;
}

}  // namespace holdfast::sim
