// The outputs of a model as a list of tensors: to convert them, and to join the outputs of micro-batches.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <sam3lab/api/batch.h>

namespace sam3lab {

// Calls `f(at::Tensor&)` for each tensor, undefined ones included, always in the same order.
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

// Outputs of a batch that went through the model in micro-batches, joined as if it had gone at once. Any loss can be computed
// on them, even one that is no sum over images. Its gradient then goes back by micro-batch.
class JoinedOutputs {
 public:
  // `parts`: outputs of each micro-batch, computed without gradient. An extra is joined only if its first dimension is the
  // number of queries or of images in each micro-batch.
  JoinedOutputs(std::vector<Outputs> parts, const std::vector<Batch>& micro_batches);

  [[nodiscard]] const Outputs& outputs() const { return joined_; }
  // Passes the gradient of outputs() on through `part`: the outputs of micro-batch p, computed again with gradient.
  void backward(std::size_t p, Outputs part) const;

 private:
  void keep_common_extras(Outputs& outputs) const;

  std::vector<std::string> extras_;              // names of those that are joined
  Outputs joined_;                               // leaf tensors
  std::vector<std::vector<std::int64_t>> rows_;  // [tensor][micro-batch]
};

}  // namespace sam3lab
