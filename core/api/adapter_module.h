// How a scheme adds parameters of its own to a model that it does not know: low-rank updates, bottleneck adapters, learned keys
// and values.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <sam3lab/api/export.h>
#include <sam3lab/api/named_tensors.h>

namespace sam3lab {

// A place in the model to which an adapter module can be attached. Its name is the parameters' path without the last word
// ("encoder.blocks.0.attn.qkv"); a row range of a packed weight is part of the name's end: "...qkv.q".
struct InjectionPoint {
  enum class Kind {
    linear,    // y [..., out] of x [..., in] through one weight [out, in]
    block,     // an MLP or attention with its own input and output, both [..., out]; no weight of its own
    attention  // keys and values [N, heads, L, C / heads] before scores are taken
  };
  std::string name;
  Kind kind = Kind::linear;
  std::int64_t in = 0, out = 0;  // features per token; of `attention`: heads, and features per head
  std::string weight;            // of `linear`: the parameter that holds its weight
  std::int64_t first_row = 0;    // of that parameter: rows first_row .. first_row + out - 1
};

// What is attached to one injection point. Every call may come twice for one forward pass (recomputation), with equal random
// numbers.
class SAM3LAB_API AdapterModule {
 public:
  virtual ~AdapterModule();
  // `linear` and `block`: what replaces y = module(x). Must return y itself where nothing is to change.
  [[nodiscard]] virtual at::Tensor after(const at::Tensor& x, const at::Tensor& y, bool training) const;
  // `attention`: what replaces the keys and values; further keys stand in front of the own ones,
  // and every query may attend to them.
  [[nodiscard]] virtual std::pair<at::Tensor, at::Tensor> keys_values(const at::Tensor& keys, const at::Tensor& values,
                                                                      bool training) const;
  // Names are relative to the injection point's; tensors are live.
  [[nodiscard]] virtual NamedTensors parameters() const = 0;
};

}  // namespace sam3lab
