// Low-rank updates of frozen linear layers (LoRA, arXiv 2106.09685).
#pragma once
#include <memory>

#include <sam3lab/plugin.h>

#include "plugins/schemes/shared/parameter_groups.h"

namespace sam3lab::schemes::lora {

struct LoraOptions {
  std::int64_t rank = 8;
  double alpha = 16.0, dropout = 0.0;
  bool rank_stabilised = false;
  Texts targets = {"*.q", "*.v"}, except;
  RateOptions rates;
  LayerDecayOptions layers;
  template <class V>
  void visit(V&& v) {
    v("rank", rank, at_least(1).about("r: width of the update B A"));
    v("alpha", alpha, more_than(0.0).about("the update is scaled by alpha / rank"));
    v("rank_stabilised", rank_stabilised, about("scale by alpha / sqrt(rank) instead (arXiv 2312.03732)"));
    v("dropout", dropout, at_least(0.0).less_than(1.0).about("of what the update reads, in training"));
    v("targets", targets,
      about("shell patterns of linear layers, e.g. \"*.attn.qkv.v\", \"*.mlp.fc1\", \"transformer.*.out_proj\""));
    v("except", except, about("patterns of layers that are left alone all the same"));
    rates.visit(v);
    layers.visit(v);
  }
  [[nodiscard]] double scale() const;
};

// y + scale B A x. B starts at zero, so that nothing changes at first.
class LowRank final : public AdapterModule {
 public:
  LowRank(at::Tensor a, at::Tensor b, double scale, double dropout);  // [r, in], [out, r]
  [[nodiscard]] at::Tensor after(const at::Tensor& x, const at::Tensor& y, bool training) const override;
  [[nodiscard]] NamedTensors parameters() const override;
  [[nodiscard]] at::Tensor update() const;  // what is added to the weight, [out, in]
  bool merged = false;                      // the layer's weight has the update already

 private:
  at::Tensor a_, b_;
  double scale_, dropout_;
};

class LoraScheme final : public Scheme {
 public:
  explicit LoraScheme(const LoraOptions& options) : options_(options) {}
  // `added` and `added_files` are what the PEFT library reads beside transformers' Sam3Model (peft_layout.h). `merge` keeps
  // the rows that it changes, so that taking the updates out restores every bit.
  TrainableSet prepare(Backbone& model, const SchemeInput& input) const override;

 private:
  LoraOptions options_;
};

}  // namespace sam3lab::schemes::lora
