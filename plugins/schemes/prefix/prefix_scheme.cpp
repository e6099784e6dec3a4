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
  std::vector<Hung> hung;
  for (const auto& port : chosen_ports(model, InjectionPoint::Kind::attention, options_.targets, options_.except)) {
    const std::vector<std::int64_t> shape{port.in, options_.length, port.out};
    hung.push_back(
        {port, std::make_shared<Prefix>(uniform_start(model, shape, options_.spread, input.seed, port.name + ".prefix.keys"),
                                        zero_start(model, shape))});
  }
  auto rule = options_.rates.rule();
  options_.layers.add_to(rule);
  return tune_additions(model, hung, rule, input);
}

}  // namespace sam3lab::schemes::prefix
