// Slot `loss`: predictions and targets in, named and weighted terms out.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <sam3lab/api/matcher.h>

namespace sam3lab {

// What a loss sees: one set of object queries of one decoder layer. A layer is shown twice in training, for its one-to-one and
// its one-to-many queries.
struct LossInput {
  const Predictions& predictions;
  const at::Tensor& presence;  // [Q, 1]; undefined for one-to-many queries, which have none
  const Targets& targets;
  const Matches& matches;
  double num_boxes;  // targets in the batch (mean over ranks), at least 1
  bool auxiliary;    // not the last decoder layer
  bool one_to_many;
  const Outputs& outputs;  // everything the model gave, for terms that need more
};

// `value` is the raw scalar, `weight` what it is multiplied with in the total. A term is named as in the published package
// ("loss_bbox"); the engine appends "_aux_2" and "_o2m".
struct LossTerm {
  std::string name;
  at::Tensor value;
  double weight = 1.0;
};

class SAM3LAB_API Loss {
 public:
  static constexpr std::string_view slot = "loss";
  virtual ~Loss();
  [[nodiscard]] virtual std::vector<LossTerm> terms(const LossInput& input) const = 0;
  // Once a batch (last layer, one-to-one queries) instead of for each layer and set of queries.
  [[nodiscard]] virtual bool once() const { return false; }
};

}  // namespace sam3lab
