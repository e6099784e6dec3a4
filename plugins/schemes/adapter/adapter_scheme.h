// Bottleneck adapters beside or behind frozen blocks (Houlsby et al. 2019, arXiv 1902.00751; He et al. 2022, arXiv 2110.04366).
#pragma once
#include <sam3lab/plugin.h>

#include "plugins/schemes/shared/parameter_groups.h"

namespace sam3lab::schemes::adapter {

struct AdapterOptions {
  std::string form = "parallel";
  std::int64_t width = 32;
  double scale = 1.0, dropout = 0.0;
  std::string activation = "relu";
  Texts targets = {"*.mlp"}, except;
  RateOptions rates;
  LayerDecayOptions layers;
  template <class V>
  void visit(V&& v) {
    v("form", form, one_of({"serial", "parallel"}).about("reads what the block gave, or what the block was given"));
    v("width", width, at_least(1).about("of the bottleneck"));
    v("scale", scale, more_than(0.0).about("of what the adapter adds"));
    v("dropout", dropout, at_least(0.0).less_than(1.0).about("in the bottleneck, in training"));
    v("activation", activation, one_of({"relu", "gelu"}).about("in the bottleneck"));
    v("targets", targets, about("shell patterns of MLPs and attentions, e.g. \"*.mlp\", \"backbone.vision_backbone.*.attn\""));
    v("except", except, about("patterns of blocks that are left alone all the same"));
    rates.visit(v);
    layers.visit(v);
  }
};

// y + scale (up act(down z) ), z = y (serial) or x (parallel). `up` starts at zero, so that nothing changes at first.
class Bottleneck final : public AdapterModule {
 public:
  struct Weights {
    at::Tensor down, down_bias, up, up_bias;  // [w, in], [w], [out, w], [out]
  };
  Bottleneck(Weights weights, const AdapterOptions& options);
  [[nodiscard]] at::Tensor after(const at::Tensor& x, const at::Tensor& y, bool training) const override;
  [[nodiscard]] NamedTensors parameters() const override;

 private:
  Weights weights_;
  bool serial_, gelu_;
  double scale_, dropout_;
};

class AdapterScheme final : public Scheme {
 public:
  explicit AdapterScheme(const AdapterOptions& options) : options_(options) {}
  // Saved as "<block>.adapter.down.weight" and so on, with adapter.json, which says how they are used. No `merge`: an
  // adapter is not linear.
  TrainableSet prepare(Backbone& model, const SchemeInput& input) const override;

 private:
  AdapterOptions options_;
};

}  // namespace sam3lab::schemes::adapter
