// The training objective: from the outputs of a model to one scalar. Each decoder layer and each of the two sets of object
// queries is matched with the targets separately and passed to each loss. Computes what Sam3LossWrapper in
// sam3/train/loss/sam3_loss.py computes.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sam3lab/api/loss.h>
#include <sam3lab/api/matcher.h>

namespace sam3lab {

struct CriterionOptions {
  double one_to_many_weight = 2.0;                // factor of every term of the one-to-many object queries
  bool one_to_many_matcher_on_auxiliary = false;  // if false, auxiliary layers match these queries one to one, too
  bool scale_by_queries = true;                   // multiplies the total with sqrt(number of prompts in the batch)
};

// A term under the package's name: "loss_bbox", "loss_bbox_aux_0", "loss_bbox_o2m", "loss_bbox_aux_0_o2m". `value` includes the
// one-to-many factor. The term adds value * weight to the sum, before the sum is scaled by the number of prompts.
struct CriterionTerm {
  std::string name;
  at::Tensor value;
  double weight = 1.0;
};

struct CriterionResult {
  at::Tensor total;  // scalar
  std::vector<CriterionTerm> terms;
};

class Criterion {
 public:
  // If `one_to_many` is null, the one-to-many object queries do not contribute.
  Criterion(const CriterionOptions& options, std::shared_ptr<Matcher> one_to_one, std::shared_ptr<Matcher> one_to_many,
            std::vector<std::shared_ptr<Loss>> losses);

  // `num_boxes`: number of targets per batch, averaged over replicas; by default that of this batch. Less than 1 counts as 1.
  // `more`: further terms, which a scheme computes.
  // Throws DataError if a prompt has more targets than there are object queries. Matchers throw NumericError for predictions
  // that are not finite.
  [[nodiscard]] CriterionResult operator()(const Outputs& outputs, const Targets& targets,
                                           std::optional<double> num_boxes = std::nullopt,
                                           const std::vector<LossTerm>& more = {}) const;

 private:
  void add_layer(const Outputs& outputs, const LayerOutputs& layer, const Targets& targets, double num_boxes,
                 std::optional<std::size_t> auxiliary, CriterionResult& result) const;

  CriterionOptions options_;
  std::shared_ptr<Matcher> one_to_one_, one_to_many_;
  std::vector<std::shared_ptr<Loss>> losses_;
};

}  // namespace sam3lab
