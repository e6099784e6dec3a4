#include "core/train/gradients.h"

#include <cmath>
#include <mutex>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <sam3lab/api/random.h>

#include "core/train/autocast.h"
#include "core/tensor/on_device.h"
#include "core/train/outputs.h"

namespace sam3lab {
namespace {

class Pass {
 public:
  Pass(Backbone& model, const TrainableSet& trainable, const Criterion& criterion, const PassOptions& options)
      : model_(model), tuning_(trainable), criterion_(criterion), options_(options) {}

  // The one place where a training batch goes through the model. LibTorch's generators start anew for each pass, so that its
  // random numbers depend on nothing that happened before: neither a resumed run nor a second pass over a part needs their
  // state.
  Outputs forward(const Batch& batch, std::size_t part) {
    at::manual_seed(Random(options_.seed, fmt::format("step {} copy {} part {}", options_.step, options_.copy, part)).next());
    const auto before = random_state(batch.images.device());
    Outputs outputs;
    {
      const Autocast autocast(batch.images.device().type(), options_.type);
      outputs = in_float32(model_.forward(batch));
    }
    result_.random = result_.random || !before.equal(random_state(batch.images.device()));
    return outputs;
  }

  // By value: what no gradient needs of the outputs (0.2 GB at full size) goes before the backward pass.
  void backward(const Batch& batch, Outputs outputs, bool last) {
    result_.loss = criterion_(outputs, batch.targets, options_.num_boxes,
                              tuning_.terms ? tuning_.terms(batch, outputs) : std::vector<LossTerm>{});
    if (!finite()) return;
    outputs = {};
    if (last) say_only_backward_left();
    (result_.loss.total * options_.factor).backward();
  }

  void say_only_backward_left() const {
    if (options_.only_backward_left) options_.only_backward_left();
  }

  [[nodiscard]] bool finite() const { return std::isfinite(result_.loss.total.item<double>()); }
  PassResult result() { return std::move(result_); }

 private:
  static at::Tensor random_state(c10::Device device) {
    auto generator = at::globalContext().defaultGenerator(device);
    const std::lock_guard lock(generator.mutex());
    return generator.get_state();
  }

  Backbone& model_;
  const TrainableSet& tuning_;
  const Criterion& criterion_;
  const PassOptions& options_;
  PassResult result_;
};

}  // namespace

PassResult add_gradients(Backbone& model, const TrainableSet& trainable, const Criterion& criterion, const Shard& shard,
                         const PassOptions& options) {
  Pass pass(model, trainable, criterion, options);
  const auto device = device_of(model);
  const Batch whole = on_device(shard.whole, device);
  const auto part = [&](std::size_t p) { return on_device(shard.parts[p], device); };
  if (shard.parts.empty()) {
    pass.backward(whole, pass.forward(whole, 0), true);
    return pass.result();
  }
  std::vector<Outputs> outputs;
  {
    const at::NoGradGuard no_grad;
    for (std::size_t p = 0; p < shard.parts.size(); ++p) outputs.push_back(pass.forward(part(p), p));
  }
  const JoinedOutputs joined(std::move(outputs), shard.parts);
  pass.backward(whole, joined.outputs(), false);
  if (!pass.finite()) return pass.result();
  for (std::size_t p = 0; p < shard.parts.size(); ++p) {
    const auto outputs_of_part = pass.forward(part(p), p);
    if (p + 1 == shard.parts.size()) pass.say_only_backward_left();
    joined.backward(p, outputs_of_part);
  }
  return pass.result();
}

void average_gradients(const std::vector<TrainableSet>& trainable_sets) {
  const at::NoGradGuard no_grad;
  for (std::size_t c = 1; c < trainable_sets.size(); ++c) {
    for (std::size_t g = 0; g < trainable_sets[c].groups.size(); ++g) {
      const auto& from = trainable_sets[c].groups[g].parameters;
      const auto& to = trainable_sets.front().groups[g].parameters;
      for (std::size_t i = 0; i < from.size(); ++i) {
        auto& gradient = from[i].second.mutable_grad();
        if (!gradient.defined()) continue;
        auto& sum = to[i].second.mutable_grad();
        sum = sum.defined() ? sum.add_(gradient) : gradient;
        gradient = at::Tensor();
      }
    }
  }
}

}  // namespace sam3lab
