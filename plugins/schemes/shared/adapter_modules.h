// Shared by schemes that attach adapter modules with parameters of their own to a frozen model.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <sam3lab/api/scheme.h>

#include "plugins/schemes/shared/parameter_groups.h"

namespace sam3lab::schemes {

// The injection points of one kind whose name matches one of `targets` and none of `except` (shell patterns; * matches dots,
// too), in the order of the model. UsageError with suggestions if a pattern matches none, and if no point is left.
std::vector<InjectionPoint> chosen_points(const Backbone& model, InjectionPoint::Kind kind, const Texts& targets,
                                          const Texts& except);

struct PointedModule {
  InjectionPoint point;
  std::shared_ptr<const AdapterModule> module;
};

// Freezes the model, attaches the modules and groups their parameters. The learning rate of a module is that of the layer at
// its injection point. `added` names the parameters "<injection point>.<parameter of the module>".
TrainableSet train_modules(Backbone& model, const std::vector<PointedModule>& modules, const RateRule& rule,
                           const SchemeInput& input);

// Initial values of a parameter: float32, uniform in -bound..bound, on the model's device. They depend on seed and name alone
// and are the same on any machine.
at::Tensor uniform_start(Backbone& model, std::vector<std::int64_t> shape, double bound, std::uint64_t seed,
                         const std::string& name);
at::Tensor zero_start(Backbone& model, std::vector<std::int64_t> shape);

}  // namespace sam3lab::schemes
