// Slot `scheme`: which parameters train, and how fast.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <sam3lab/api/backbone.h>

namespace sam3lab {

struct ParameterGroup {
  std::string name;  // begins with the module path
  NamedTensors parameters;
  double learning_rate = 0.0;  // peak
  double weight_decay = 0.0;
};

// The rates of `[train]`, which a scheme scales.
struct SchemeInput {
  double learning_rate = 0.0;
  double weight_decay = 0.0;
};

class SAM3LAB_API Scheme {
 public:
  static constexpr std::string_view slot = "scheme";
  virtual ~Scheme();
  // Sets requires_grad on every parameter of `model` and returns the groups that train; empty: nothing trains.
  virtual std::vector<ParameterGroup> prepare(Backbone& model, const SchemeInput& input) const = 0;
};

}  // namespace sam3lab
