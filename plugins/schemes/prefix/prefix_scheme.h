// Prefix tuning (Li and Liang 2021, arXiv 2101.00190): trains additional keys and values of frozen attentions. They come before
// the attention's own.
#pragma once
#include <utility>

#include <sam3lab/plugin.h>

#include "plugins/schemes/shared/parameter_groups.h"

namespace sam3lab::schemes::prefix {

struct PrefixOptions {
  std::int64_t length = 8;
  double spread = 0.02;
  Texts targets = {"*.attn.keys_values"}, except;
  RateOptions rates;
  LayerDecayOptions layers;
  template <class V>
  void visit(V&& v) {
    v("length", length, at_least(1).unit("tokens").about("number of learned keys and values per attention"));
    v("spread", spread, more_than(0.0).about("keys start uniform in -spread..spread, values at zero"));
    v("targets", targets, about("shell patterns of attentions, their names ending in \".keys_values\""));
    v("except", except, about("patterns of attentions that get no prefix although they match a target"));
    rates.visit(v);
    layers.visit(v);
  }
};

class Prefix final : public AdapterModule {
 public:
  Prefix(at::Tensor keys, at::Tensor values) : keys_(std::move(keys)), values_(std::move(values)) {}  // [heads, P, C / heads]
  [[nodiscard]] std::pair<at::Tensor, at::Tensor> keys_values(const at::Tensor& keys, const at::Tensor& values,
                                                              bool training) const override;
  [[nodiscard]] NamedTensors parameters() const override { return {{"prefix.keys", keys_}, {"prefix.values", values_}}; }

 private:
  at::Tensor keys_, values_;
};

class PrefixScheme final : public Scheme {
 public:
  explicit PrefixScheme(const PrefixOptions& options) : options_(options) {}
  // Saved as "<attention>.keys_values.prefix.keys" and ".values". There is no `merge`.
  TrainableSet prepare(Backbone& model, const SchemeInput& input) const override;

 private:
  PrefixOptions options_;
};

}  // namespace sam3lab::schemes::prefix
