// The tree of the model's modules. The name of a module below its parent is that of the published checkpoint.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include <sam3lab/api/backbone.h>

namespace sam3lab::sam3 {

// A place for an adapter module. Without one, it returns its input unchanged.
class AdapterSlot {
 public:
  void hold(std::shared_ptr<const AdapterModule> module) { held_ = std::move(module); }
  [[nodiscard]] bool empty() const { return held_ == nullptr; }
  [[nodiscard]] bool trains() const;
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x, const at::Tensor& y, bool training) const {
    return held_ ? held_->after(x, y, training) : y;
  }
  // Puts the module's keys and values in front of those given, [N, heads, L, C / heads], and extends the mask so that all
  // queries attend to them.
  void lengthen(at::Tensor& keys, at::Tensor& values, at::Tensor& mask, bool training) const;

 private:
  std::shared_ptr<const AdapterModule> held_;
};

// Modules are members of their parent or elements of a std::deque, so that the addresses in the tree stay valid.
class Module {
 public:
  using InjectionPoints = std::vector<std::pair<InjectionPoint, AdapterSlot*>>;

  Module() = default;  // a root
  Module(Module& parent, std::string name);
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module();

  void collect(NamedTensors& into, const std::string& prefix = "") const;  // own parameters first, then the children's
  void collect_injection_points(InjectionPoints& into, const std::string& prefix = "") const;
  [[nodiscard]] bool trains() const;  // whether a parameter or adapter module in this module requires a gradient
  // Whether this module is in training mode: the model is in a training pass, and something in this module trains. For dropout.
  [[nodiscard]] bool training() const { return training_; }
  // Whether the model is in a training pass. It decides what the pass returns or keeps, in frozen modules, too.
  [[nodiscard]] bool in_training_pass() const { return *pass_; }
  void train(bool on);  // only for a root

 protected:
  // A float32 parameter with gradient. Its values are undefined until it is initialised or loaded.
  at::Tensor parameter(std::string name, std::vector<std::int64_t> shape);
  // Registers an injection point. Names in `point` are relative to this module; an empty name is the module itself.
  void offer(InjectionPoint point, AdapterSlot& slot) { injection_points_.emplace_back(std::move(point), &slot); }

 private:
  bool set_mode(bool on);  // returns whether anything in this module trains

  std::vector<std::pair<std::string, at::Tensor>> parameters_;
  std::vector<std::pair<std::string, Module*>> children_;
  InjectionPoints injection_points_;
  bool training_ = false;
  bool own_pass_ = false;
  bool* pass_ = &own_pass_;  // that of the root
};

// A module such as "layers" with numbered modules below it.
class ModuleList : public Module {
 public:
  using Module::Module;
};

}  // namespace sam3lab::sam3
