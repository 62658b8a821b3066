// `holdfast-sim rot-matrix`: its options, its progress and its table.
#pragma once

#include <functional>
#include <memory>

namespace CLI {
class App;
}

namespace holdfast::sim {

class RotMatrixCommand {
 public:
  // Adds the command to `app`, which must outlive this.
  explicit RotMatrixCommand(CLI::App& app);
  ~RotMatrixCommand();
  RotMatrixCommand(const RotMatrixCommand&) = delete;
  RotMatrixCommand& operator=(const RotMatrixCommand&) = delete;

  bool parsed() const;
  // The exit code: 0; 1 if something was silently wrong; 130 if it was interrupted. `stop` is asked often.
  int run(const std::function<bool()>& stop) const;

 private:
  struct Arguments;
  std::unique_ptr<Arguments> arguments_;
  CLI::App* command_;
};

}  // namespace holdfast::sim
