#include "plugins/schemes/prefix/prefix_scheme.h"

#include <memory>
#include <vector>

#include <ATen/ATen.h>

#include "plugins/schemes/shared/adapter_modules.h"

namespace sam3lab::schemes::prefix {

std::pair<at::Tensor, at::Tensor> Prefix::keys_values(const at::Tensor& keys, const at::Tensor& values, bool) const {
  const auto in_front = [](const at::Tensor& learned, const at::Tensor& own) {
    return at::cat({learned.to(own.scalar_type()).unsqueeze(0).expand({own.size(0), -1, -1, -1}), own}, 2);
  };
  return {in_front(keys_, keys), in_front(values_, values)};
}

TrainableSet PrefixScheme::prepare(Backbone& model, const SchemeInput& input) const {
  std::vector<PointedModule> modules;
  for (const auto& point : chosen_points(model, InjectionPoint::Kind::attention, options_.targets, options_.except)) {
    const std::vector<std::int64_t> shape{point.in, options_.length, point.out};
    modules.push_back(
        {point, std::make_shared<Prefix>(uniform_start(model, shape, options_.spread, input.seed, point.name + ".prefix.keys"),
                                         zero_start(model, shape))});
  }
  auto rule = options_.rates.rule();
  options_.layers.add_to(rule);
  return train_modules(model, modules, rule, input);
}

}  // namespace sam3lab::schemes::prefix
