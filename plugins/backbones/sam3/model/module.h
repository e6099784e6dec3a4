// The tree of the model's parts. A part names itself below its parent as the published checkpoint does.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include <sam3lab/api/backbone.h>

namespace sam3lab::sam3 {

// Where an addition may hang. An empty one gives back what it is given.
class AdapterSlot {
 public:
  void hold(std::shared_ptr<const AdapterModule> addition) { held_ = std::move(addition); }
  [[nodiscard]] bool empty() const { return held_ == nullptr; }
  [[nodiscard]] bool trains() const;
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x, const at::Tensor& y, bool training) const {
    return held_ ? held_->after(x, y, training) : y;
  }
  // Keys and values [N, heads, L, C / heads], and the mask over them, which lets everyone see what was put in front.
  void lengthen(at::Tensor& keys, at::Tensor& values, at::Tensor& mask, bool training) const;

 private:
  std::shared_ptr<const AdapterModule> held_;
};

// Parts are members of their owner (or sit in a std::deque), so that the addresses that the tree holds stay valid.
class Module {
 public:
  using Ports = std::vector<std::pair<InjectionPoint, AdapterSlot*>>;

  Module() = default;  // a root
  Module(Module& parent, std::string name);
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module();

  void collect(NamedTensors& into, const std::string& prefix = "") const;  // own parameters first, then the children's
  void collect_ports(Ports& into, const std::string& prefix = "") const;
  [[nodiscard]] bool trains() const;  // does any parameter or addition below ask for a gradient?
  // Whether this part is being trained: the pass is a training pass, and something below trains. For dropout.
  [[nodiscard]] bool training() const { return training_; }
  // Whether the whole model does a training pass. For what the pass must yield or keep, frozen parts included.
  [[nodiscard]] bool in_training_pass() const { return *pass_; }
  void train(bool on);  // of a root

 protected:
  // Any numbers until it is initialised or loaded; float32, with gradient.
  at::Tensor parameter(std::string name, std::vector<std::int64_t> shape);
  // Names in `port` are below this part's; an empty one is this part itself.
  void offer(InjectionPoint port, AdapterSlot& socket) { ports_.emplace_back(std::move(port), &socket); }

 private:
  bool set_mode(bool on);  // whether anything below trains

  std::vector<std::pair<std::string, at::Tensor>> parameters_;
  std::vector<std::pair<std::string, Module*>> children_;
  Ports ports_;
  bool training_ = false;
  bool own_pass_ = false;
  bool* pass_ = &own_pass_;  // the root's
};

// A name such as "layers" with numbered parts below it.
class ModuleList : public Module {
 public:
  using Module::Module;
};

}  // namespace sam3lab::sam3
