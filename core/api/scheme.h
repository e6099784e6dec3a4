// Slot `scheme`: which parameters train, how fast, and which adapter modules are attached to the model.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sam3lab/api/backbone.h>
#include <sam3lab/api/loss.h>
#include <sam3lab/api/options.h>

namespace sam3lab {

struct ParameterGroup {
  std::string name;  // begins with the module path
  NamedTensors parameters;
  double learning_rate = 0.0;  // peak
  double weight_decay = 0.0;
};

struct SchemeInput {
  // The rates of `[train]`, which a scheme scales.
  double learning_rate = 0.0;
  double weight_decay = 0.0;
  std::uint64_t seed = 0;  // for parameters that the scheme adds
  // Another backbone of the experiment's kind with some of its options replaced, its weights from `checkpoint` (empty: seeded
  // random). For a teacher. Not set where no model may be built (plan).
  std::function<std::shared_ptr<Backbone>(const OptionValues& options, const std::string& checkpoint)> make_backbone;
};

// What a scheme made of a model.
struct TrainableSet {
  std::vector<ParameterGroup> groups;  // what trains; empty: nothing does
  // Where the scheme adds parameters: all of them by the name under which they are saved, and the text files that go beside
  // them (name -> content). A run then saves these instead of the whole model.
  NamedTensors added;
  std::vector<std::pair<std::string, std::string>> added_files;
  // true: merges what was added into the model's own weights (to save a whole model); false: takes it out again. Not set where
  // a method has no such form.
  std::function<void(bool)> merge;
  // Loss terms of the scheme's own (distillation), added to those of the experiment once per batch.
  std::function<std::vector<LossTerm>(const Batch& batch, const Outputs& outputs)> terms;
};

class SAM3LAB_API Scheme {
 public:
  static constexpr std::string_view slot = "scheme";
  virtual ~Scheme();
  // Sets requires_grad on every parameter of `model` and attaches adapter modules to it. May be called for several replicas,
  // which then train in parallel; names and order of groups are equal for equal models. UsageError where a pattern of the
  // options matches nothing.
  virtual TrainableSet prepare(Backbone& model, const SchemeInput& input) const = 0;
};

}  // namespace sam3lab
