// `holdfast-sim exhaust`: the options of the exhaustive explorer, its progress and its summary.
#pragma once

#include <functional>
#include <memory>

namespace CLI {
class App;
}

namespace holdfast::sim {

class ExhaustCommand {
 public:
  // Adds the command to `app`, which must outlive this.
  explicit ExhaustCommand(CLI::App& app);
  ~ExhaustCommand();
  ExhaustCommand(const ExhaustCommand&) = delete;
  ExhaustCommand& operator=(const ExhaustCommand&) = delete;

  bool parsed() const;
  // The exit code: 0; 1 if a promise was broken; 130 if it was interrupted. `stop` is asked often.
  int run(const std::function<bool()>& stop) const;

 private:
  struct Arguments;
  std::unique_ptr<Arguments> arguments_;
  CLI::App* command_;
};

}  // namespace holdfast::sim
