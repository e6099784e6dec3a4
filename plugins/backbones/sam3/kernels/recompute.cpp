#include "plugins/backbones/sam3/kernels/recompute.h"

#include <mutex>
#include <utility>

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/types.h>

#include "plugins/backbones/sam3/kernels/products.h"

namespace sam3lab::sam3 {

namespace {

// States of the generators that a step may use: that of the CPU, which also gives seeds, and that of the device of the tensors.
struct RandomState {
  explicit RandomState(c10::Device where) : device(where), on_cpu(state_of(at::kCPU)) {
    if (!device.is_cpu()) on_device = state_of(device);
  }
  void restore() const {
    set(at::kCPU, on_cpu);
    if (!device.is_cpu()) set(device, on_device);
  }

  c10::Device device;
  at::Tensor on_cpu, on_device;

 private:
  static at::Tensor state_of(c10::Device where) {
    at::Generator generator = at::globalContext().defaultGenerator(where);
    const std::lock_guard lock(generator.mutex());
    return generator.get_state();
  }
  static void set(c10::Device where, const at::Tensor& state) {
    at::Generator generator = at::globalContext().defaultGenerator(where);
    const std::lock_guard lock(generator.mutex());
    generator.set_state(state);
  }
};

// The autocast state of a thread. The backward pass runs without autocast, but a replay must compute in the same types.
class Autocast {
 public:
  explicit Autocast(c10::DeviceType device)
      : device_(device),
        on_(at::autocast::is_autocast_enabled(device)),
        cached_(at::autocast::is_autocast_cache_enabled()),
        type_(at::autocast::get_autocast_dtype(device)) {}
  void set() const {
    at::autocast::set_autocast_enabled(device_, on_);
    at::autocast::set_autocast_dtype(device_, type_);
    at::autocast::set_autocast_cache_enabled(cached_);
  }

 private:
  c10::DeviceType device_;
  bool on_, cached_;
  at::ScalarType type_;
};

thread_local bool replaying = false;

// Sets `replaying` while it exists, even if the step throws.
class SecondRun {
 public:
  SecondRun() : before_(std::exchange(replaying, true)) {}
  ~SecondRun() { replaying = before_; }
  SecondRun(const SecondRun&) = delete;
  SecondRun& operator=(const SecondRun&) = delete;

 private:
  bool before_;
};

class Replay final : public torch::autograd::Node {
 public:
  Replay(Step step, std::vector<at::Tensor> inputs, RandomState state)
      : step_(std::move(step)),
        inputs_(std::move(inputs)),
        state_(std::move(state)),
        autocast_(inputs_.front().device().type()) {}

  torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override {
    TORCH_CHECK(step_, "a recomputed step was run backward twice");
    torch::autograd::variable_list leaves;
    for (const at::Tensor& input : inputs_) {
      leaves.push_back(input.detach().requires_grad_(input.requires_grad()));
    }
    at::Tensor out;
    {
      const at::AutoGradMode on(true);
      const RandomState now(state_.device);
      state_.restore();
      const Autocast outside(leaves.front().device().type());
      autocast_.set();
      {
        const SecondRun second;
        out = step_(leaves);
      }
      outside.set();
      now.restore();
    }
    if (gradients[0].defined()) torch::autograd::backward({out}, {gradients[0]});
    torch::autograd::variable_list result;
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      if (inputs_[i].requires_grad()) result.push_back(leaves[i].grad());
      // An input without gradient has an invalid edge from collect_next_edges, which takes an undefined tensor.
      else
        result.emplace_back();
    }
    return result;
  }

  void release_variables() override {
    step_ = nullptr;
    inputs_.clear();
  }

 private:
  Step step_;
  std::vector<at::Tensor> inputs_;
  RandomState state_;
  Autocast autocast_;
};

class LinearOf final : public torch::autograd::Node {
 public:
  LinearOf(Before before, at::Tensor x, at::Tensor weight, bool with_bias)
      : before_(std::move(before)), x_(std::move(x)), weight_(std::move(weight)), with_bias_(with_bias) {}

  torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override {
    TORCH_CHECK(before_, "a recomputed layer was run backward twice");
    if (!gradients[0].defined()) return {at::Tensor(), at::Tensor(), at::Tensor()};
    const at::Tensor leaf = x_.detach().requires_grad_(x_.requires_grad());
    at::Tensor input;
    {
      const at::AutoGradMode on(true);
      input = before_(leaf);
    }
    const at::Tensor gradient = gradients[0].reshape({-1, weight_.size(0)});
    torch::autograd::variable_list result(3);
    if (input.requires_grad()) {
      torch::autograd::backward({input}, {product(gradient, weight_.detach()).view(input.sizes())});
      result[0] = leaf.grad();
    }
    if (weight_.requires_grad()) result[1] = product(gradient.t(), input.detach().reshape({-1, weight_.size(1)}));
    if (with_bias_) result[2] = gradient.sum(0);
    return result;
  }

  void release_variables() override {
    before_ = nullptr;
    x_ = at::Tensor();
    weight_ = at::Tensor();
  }

 private:
  Before before_;
  at::Tensor x_, weight_;
  bool with_bias_;
};

}  // namespace

at::Tensor linear_of(Before before, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool ends_step) {
  if (!at::GradMode::is_enabled()) return linear(before(x), weight, bias);
  at::Tensor out;
  {
    const at::NoGradGuard off;
    if (ends_step && replaying) {
      std::vector<std::int64_t> shape = x.sizes().vec();
      shape.back() = weight.size(0);
      out = at::zeros(shape, x.options());
    } else {
      out = linear(before(x), weight, bias);
    }
  }
  auto node =
      std::shared_ptr<LinearOf>(new LinearOf(std::move(before), x, weight, bias.requires_grad()), torch::autograd::deleteNode);
  node->set_next_edges(torch::autograd::collect_next_edges(x, weight, bias));
  torch::autograd::set_history(out, node);
  return out;
}

at::Tensor recompute(Step step, const std::vector<at::Tensor>& inputs) {
  if (!at::GradMode::is_enabled()) return step(inputs);
  RandomState state(inputs.front().device());
  at::Tensor out;
  {
    const at::NoGradGuard off;
    out = step(inputs);
  }
  // A step may return one of its inputs, or a view of it. The history of that tensor must not be replaced.
  out = out.detach();
  auto node = std::shared_ptr<Replay>(new Replay(std::move(step), inputs, std::move(state)), torch::autograd::deleteNode);
  node->set_next_edges(torch::autograd::collect_next_edges(inputs));
  torch::autograd::set_history(out, node);
  return out;
}

}  // namespace sam3lab::sam3
