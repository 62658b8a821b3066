// ProjectionWork: what a client is doing with a projection, for as long as it lives.
#pragma once

#include <cstdint>
#include <utility>

#include "sim/projection_model.h"

namespace holdfast::sim {

// One that cannot be done now is not begun.
struct ProjectionWork {
  using Kind = ProjectionModel::Work;
  ProjectionWork(ProjectionModel& the_model, ProjectionId the_id, Kind the_kind)
      : model(the_model), id(the_id), kind(the_kind), is_begun(model.begin(id, kind)), begun(model.works_begun(id)) {
    began_alone = is_begun && model.under_way(id) == 1;
  }
  ~ProjectionWork() { end(); }
  ProjectionWork(const ProjectionWork&) = delete;
  ProjectionWork& operator=(const ProjectionWork&) = delete;
  void end() {
    if (std::exchange(is_begun, false)) {
      model.end(id, kind);
    }
  }
  // Nobody else did anything with it meanwhile.
  bool alone() const { return began_alone && model.works_begun(id) == begun; }

  ProjectionModel& model;
  ProjectionId id;
  Kind kind;
  bool is_begun;
  uint64_t begun;
  bool began_alone = false;
};

}  // namespace holdfast::sim
