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
      : model_(model), trainable_(trainable), criterion_(criterion), options_(options) {}

  // All training batches go through the model here. LibTorch's generators get a new seed for each pass, so a pass's random
  // numbers depend on nothing before it: a resumed run and a second pass over a micro-batch need no state of a generator. The
  // words of the seed's name must stay as they are, for results depend on them.
  Outputs forward(const Batch& batch, std::size_t part) {
    at::manual_seed(
        Random(options_.seed, fmt::format("step {} copy {} part {}", options_.step, options_.replica, part)).next());
    const auto before = random_state(batch.images.device());
    Outputs outputs;
    {
      const Autocast autocast(batch.images.device().type(), options_.type);
      outputs = in_float32(model_.forward(batch));
    }
    result_.random = result_.random || !before.equal(random_state(batch.images.device()));
    return outputs;
  }

  // `outputs` comes by value, so that what no gradient needs (0.2 GB at full size) is freed before the backward pass.
  void backward(const Batch& batch, Outputs outputs, bool last) {
    result_.loss = criterion_(outputs, batch.targets, options_.num_boxes,
                              trainable_.terms ? trainable_.terms(batch, outputs) : std::vector<LossTerm>{});
    if (!finite()) return;
    outputs = {};
    if (last) announce_only_backward_left();
    (result_.loss.total * options_.factor).backward();
  }

  void announce_only_backward_left() const {
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
  const TrainableSet& trainable_;
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
  const auto part = [&](std::size_t p) { return on_device(shard.micro_batches[p], device); };
  if (shard.micro_batches.empty()) {
    pass.backward(whole, pass.forward(whole, 0), true);
    return pass.result();
  }
  std::vector<Outputs> outputs;
  {
    const at::NoGradGuard no_grad;
    for (std::size_t p = 0; p < shard.micro_batches.size(); ++p) outputs.push_back(pass.forward(part(p), p));
  }
  const JoinedOutputs joined(std::move(outputs), shard.micro_batches);
  pass.backward(whole, joined.outputs(), false);
  if (!pass.finite()) return pass.result();
  for (std::size_t p = 0; p < shard.micro_batches.size(); ++p) {
    const auto outputs_of_part = pass.forward(part(p), p);
    if (p + 1 == shard.micro_batches.size()) pass.announce_only_backward_left();
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
