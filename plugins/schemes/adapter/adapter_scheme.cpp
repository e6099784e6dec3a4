#include "plugins/schemes/adapter/adapter_scheme.h"

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include "plugins/schemes/shared/adapter_modules.h"

namespace sam3lab::schemes::adapter {

Bottleneck::Bottleneck(Weights weights, const AdapterOptions& options)
    : weights_(std::move(weights)),
      serial_(options.form == "serial"),
      gelu_(options.activation == "gelu"),
      scale_(options.scale),
      dropout_(options.dropout) {}

at::Tensor Bottleneck::after(const at::Tensor& x, const at::Tensor& y, bool training) const {
  at::Tensor hidden = at::linear(serial_ ? y : x, weights_.down, weights_.down_bias);
  hidden = gelu_ ? at::gelu(hidden) : at::relu(hidden);
  if (training && dropout_ > 0.0) hidden = at::dropout(hidden, dropout_, true);
  return at::add(y, at::linear(hidden, weights_.up, weights_.up_bias), scale_);
}

NamedTensors Bottleneck::parameters() const {
  return {{"adapter.down.weight", weights_.down},
          {"adapter.down.bias", weights_.down_bias},
          {"adapter.up.weight", weights_.up},
          {"adapter.up.bias", weights_.up_bias}};
}

TrainableSet AdapterScheme::prepare(Backbone& model, const SchemeInput& input) const {
  std::vector<PointedModule> modules;
  for (const auto& point : chosen_points(model, InjectionPoint::Kind::block, options_.targets, options_.except)) {
    const auto in = options_.form == "serial" ? point.out : point.in;
    const double bound = 1.0 / std::sqrt(static_cast<double>(in));
    const Bottleneck::Weights weights{
        .down = uniform_start(model, {options_.width, in}, bound, input.seed, point.name + ".adapter.down"),
        .down_bias = zero_start(model, {options_.width}),
        .up = zero_start(model, {point.out, options_.width}),
        .up_bias = zero_start(model, {point.out})};
    modules.push_back({point, std::make_shared<Bottleneck>(weights, options_)});
  }
  auto rule = options_.rates.rule();
  options_.layers.add_to(rule);
  auto trainable = train_modules(model, modules, rule, input);
  const nlohmann::ordered_json form = {
      {"scheme", "adapter"}, {"form", options_.form}, {"scale", options_.scale}, {"activation", options_.activation}};
  trainable.added_files = {{"adapter.json", form.dump(2) + "\n"}};
  return trainable;
}

}  // namespace sam3lab::schemes::adapter
