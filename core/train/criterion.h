// From what a model gave to one number to minimise. Every decoder layer and both sets of object queries are matched with the
// targets on their own and shown to every loss. Function of Sam3LossWrapper, sam3/train/loss/sam3_loss.py.
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
  bool one_to_many_matcher_on_auxiliary = false;  // else auxiliary layers use the one-to-one matcher for those queries too
  bool scale_by_queries = true;                   // total times sqrt(number of prompts in the batch)
};

// A term under the package's key: "loss_bbox", "loss_bbox_aux_0", "loss_bbox_o2m", "loss_bbox_aux_0_o2m". `value` has the
// one-to-many factor in it, and value * weight is what the term adds to the sum (before the scaling by prompts).
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
  // Without a one-to-many matcher the one-to-many object queries are left out of the sum.
  Criterion(const CriterionOptions& options, std::shared_ptr<Matcher> one_to_one, std::shared_ptr<Matcher> one_to_many,
            std::vector<std::shared_ptr<Loss>> losses);

  // `num_boxes`: targets in the batch, averaged over ranks; by default those of this batch. Less than 1 counts as 1.
  // `more`: terms beside those of the losses (a scheme's own).
  // Throws DataError if a query has more targets than there are object queries, NumericError (by a matcher) for bad
  // predictions.
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
