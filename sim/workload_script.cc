// See workload.h. A client that does what a script says, or whose actions are written down.
#include <utility>

#include "sim/workload.h"

namespace holdfast::sim {

void Client::perform(const ScriptedClient& script) {
  for (const ScriptedAction& action : script.actions) {
    const bool follows = action.cause == ScriptedAction::Cause::kFollows;
    if (follows ? world_.over() : !may_go_on()) {
      break;
    }
    world_.counters.operations += follows ? 0 : 1;
    generator_.go_to(action.position);
    actions_ = action.number - 1;
    scripted_ = &action;
    take(action.action, action.cause);
    scripted_ = nullptr;
    wants_check_ = false;  // an action of its own in the script
  }
  generator_.go_to(script.end);
  end();
}

bool Client::fill_as_scripted(TxnLog& log, Transaction& transaction, bool writes) {
  ScriptedSteps* recorded = recorded_moves();
  bool good = true;
  for (const ScriptedStep& step : scripted_->moves->steps) {
    if (!good || world_.over()) {
      break;
    }
    generator_.go_to(step.position);
    generator_.move();
    if (recorded != nullptr) {
      recorded->steps.push_back(step);
    }
    good = take_step(log, transaction, step.move, writes);
  }
  generator_.go_to(scripted_->moves->end);
  if (recorded != nullptr) {
    recorded->end = generator_.position();
  }
  return good;
}

// A body that is called again after a conflict makes other moves: those stay drawn.
ScriptedSteps* Client::recorded_moves() {
  if (record_ == nullptr) {
    return nullptr;
  }
  std::optional<ScriptedSteps>& moves = record_->actions.back().moves;
  if (fills_++ > 0) {
    moves.reset();
    return nullptr;
  }
  return &moves.emplace();
}

}  // namespace holdfast::sim
