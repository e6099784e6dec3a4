// What schemes share that hang parameters of their own into a frozen model.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <sam3lab/api/scheme.h>

#include "plugins/schemes/shared/parameter_groups.h"

namespace sam3lab::schemes {

// Ports of one kind whose name matches one of `targets` and none of `except` (shell patterns; * crosses dots), in the model's
// order. UsageError, with what may have been meant, for a pattern that matches none, and if nothing is left.
std::vector<InjectionPoint> chosen_ports(const Backbone& model, InjectionPoint::Kind kind, const Texts& targets,
                                         const Texts& except);

struct Hung {
  InjectionPoint port;
  std::shared_ptr<const AdapterModule> addition;
};

// Freezes the model, hangs the additions and groups their parameters, each with the rate of the place of its port. `added`
// names them "<port>.<name of the addition's parameter>".
TrainableSet tune_additions(Backbone& model, const std::vector<Hung>& hung, const RateRule& rule, const SchemeInput& input);

// float32, uniform in -bound..bound, on the model's device; the same for equal seed and name on any machine.
at::Tensor uniform_start(Backbone& model, std::vector<std::int64_t> shape, double bound, std::uint64_t seed,
                         const std::string& name);
at::Tensor zero_start(Backbone& model, std::vector<std::int64_t> shape);

}  // namespace sam3lab::schemes
