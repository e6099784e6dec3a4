// Trains nothing: the model is evaluated without change.
#include <sam3lab/plugin.h>

#include <ATen/core/Tensor.h>

namespace {

class Frozen final : public sam3lab::Scheme {
 public:
  sam3lab::TrainableSet prepare(sam3lab::Backbone& model, const sam3lab::SchemeInput&) const override {
    for (auto& [name, tensor] : model.parameters()) tensor.requires_grad_(false);
    return {};
  }
};

}  // namespace

SAM3LAB_PLUGIN(frozen) { reg.add<sam3lab::Scheme, Frozen>("frozen", "nothing trains"); }
