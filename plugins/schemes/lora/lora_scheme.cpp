#include "plugins/schemes/lora/lora_scheme.h"

#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "plugins/schemes/lora/peft_layout.h"
#include "plugins/schemes/shared/adapter_modules.h"

namespace sam3lab::schemes::lora {

double LoraOptions::scale() const {
  const auto r = static_cast<double>(rank);
  return alpha / (rank_stabilised ? std::sqrt(r) : r);
}

LowRank::LowRank(at::Tensor a, at::Tensor b, double scale, double dropout)
    : a_(std::move(a)), b_(std::move(b)), scale_(scale), dropout_(dropout) {}

at::Tensor LowRank::after(const at::Tensor& x, const at::Tensor& y, bool training) const {
  if (merged) return y;
  const at::Tensor seen = training && dropout_ > 0.0 ? at::dropout(x, dropout_, true) : x;
  return at::add(y, at::linear(at::linear(seen, a_), b_), scale_);
}

NamedTensors LowRank::parameters() const { return {{"lora_A.weight", a_}, {"lora_B.weight", b_}}; }

at::Tensor LowRank::update() const { return at::matmul(b_, a_) * scale_; }

namespace {

// One layer's update in the model's own weight, and the way back.
struct Merge {
  std::shared_ptr<LowRank> update;
  at::Tensor weight;  // of the model, live
  std::int64_t first_row = 0, rows = 0;
  at::Tensor before;  // the rows without the update, while it is in

  void set(bool on) {
    if (on == update->merged) return;
    at::Tensor slice = weight.narrow(0, first_row, rows);
    if (on) {
      before = slice.clone();
      slice.add_(update->update());
    } else {
      slice.copy_(before);
      before = at::Tensor();
    }
    update->merged = on;
  }
};

}  // namespace

TrainableSet LoraScheme::prepare(Backbone& model, const SchemeInput& input) const {
  const auto points = chosen_points(model, InjectionPoint::Kind::linear, options_.targets, options_.except);
  const auto parameters = model.parameters();
  const std::map<std::string, at::Tensor> weights(parameters.begin(), parameters.end());
  std::vector<PointedModule> modules;
  std::vector<Merge> merges;
  for (const auto& point : points) {
    // Uniform with bound 1 / sqrt(in) is PEFT's Kaiming start with a = sqrt(5).
    const auto a = uniform_start(model, {options_.rank, point.in}, 1.0 / std::sqrt(static_cast<double>(point.in)), input.seed,
                                 point.name + ".lora_A");
    const auto update =
        std::make_shared<LowRank>(a, zero_start(model, {point.out, options_.rank}), options_.scale(), options_.dropout);
    modules.push_back({point, update});
    merges.push_back({update, weights.at(point.weight), point.first_row, point.out, {}});
  }
  auto rule = options_.rates.rule();
  options_.layers.add_to(rule);
  auto trainable = train_modules(model, modules, rule, input);
  const auto layouts = model.checkpoint_layouts();
  trainable.added = peft_names(modules, layouts.get());
  trainable.added_files = {{"adapter_config.json", peft_config(points, options_, layouts.get())}};
  trainable.merge = [merges = std::move(merges)](bool on) mutable {
    const at::NoGradGuard no_grad;
    for (auto& merge : merges) merge.set(on);
  };
  return trainable;
}

}  // namespace sam3lab::schemes::lora
