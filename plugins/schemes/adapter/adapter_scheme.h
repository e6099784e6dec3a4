// Trains bottleneck adapters parallel to or after frozen blocks (Houlsby et al. 2019, arXiv 1902.00751; He et al. 2022, arXiv
// 2110.04366).
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
    v("form", form,
      one_of({"serial", "parallel"}).about("input of the adapter: the output of the block (serial) or its input (parallel)"));
    v("width", width, at_least(1).about("width of the bottleneck"));
    v("scale", scale, more_than(0.0).about("factor of the adapter's output"));
    v("dropout", dropout, at_least(0.0).less_than(1.0).about("dropout rate in the bottleneck, in training"));
    v("activation", activation, one_of({"relu", "gelu"}).about("activation in the bottleneck"));
    v("targets", targets, about("shell patterns of MLPs and attentions, e.g. \"*.mlp\", \"backbone.vision_backbone.*.attn\""));
    v("except", except, about("patterns of blocks that get no adapter although they match a target"));
    rates.visit(v);
    layers.visit(v);
  }
};

// Computes y + scale up(act(down(z))) with z = y (serial) or z = x (parallel). `up` starts at zero, so at first the output is
// y.
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
  // Saved as "<block>.adapter.down.weight" and so on, with adapter.json, which says how they are used. There is no `merge`,
  // because an adapter is not linear.
  TrainableSet prepare(Backbone& model, const SchemeInput& input) const override;

 private:
  AdapterOptions options_;
};

}  // namespace sam3lab::schemes::adapter
