// What a model gave, as a list of tensors: to cast them, and to put the outputs of several parts of a batch together.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <sam3lab/api/batch.h>

namespace sam3lab {

// Calls `f(at::Tensor&)` for each tensor in one order, undefined ones included.
template <class F>
void for_each_tensor(Outputs& outputs, const F& f) {
  const auto layer = [&f](LayerOutputs& of_layer) {
    for (auto* set : {&of_layer.one_to_one, &of_layer.one_to_many}) {
      f(set->logits);
      f(set->boxes);
      f(set->masks);
    }
    f(of_layer.presence);
  };
  layer(outputs.last);
  for (auto& of_layer : outputs.auxiliary) layer(of_layer);
  f(outputs.semantic);
  for (auto& [name, tensor] : outputs.extras) f(tensor);
}

// Outputs of one batch that went through the model in parts, as if it had gone at once. Any loss can be computed on them, also
// one that is no sum over images; its gradient then goes back part by part.
class JoinedOutputs {
 public:
  // `parts` were computed without gradient. Of the extras those are kept whose first dimension runs over the queries or the
  // images of each part.
  JoinedOutputs(std::vector<Outputs> parts, const std::vector<Batch>& batches);

  [[nodiscard]] const Outputs& outputs() const { return joined_; }
  // Takes the gradient of outputs() through `part`, number p, computed once more and with gradient.
  void backward(std::size_t p, Outputs part) const;

 private:
  void keep_common_extras(Outputs& outputs) const;

  std::vector<std::string> extras_;              // names of those that are kept
  Outputs joined_;                               // leaves
  std::vector<std::vector<std::int64_t>> rows_;  // [tensor][part]
};

}  // namespace sam3lab
