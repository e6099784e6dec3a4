// The loss terms of distillation.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <sam3lab/plugin.h>

namespace sam3lab::schemes::distill {

struct DistillOptions;

// A frozen model in evaluation mode. Calls from several threads run one after another.
class Teacher {
 public:
  explicit Teacher(std::shared_ptr<Backbone> model);
  [[nodiscard]] Outputs answer(const Batch& batch);  // without gradient; images are resized to the teacher's image size

 private:
  std::shared_ptr<Backbone> model_;
  std::mutex busy_;
};

// Linear map of a student's feature to the teacher's width.
struct Projection {
  at::Tensor weight, bias;  // [teacher's, student's], [teacher's]
};
using Projections = std::map<std::string, Projection>;

// The extra tensor `name`; UsageError with all known names if the backbone does not provide it.
[[nodiscard]] const at::Tensor& feature_of(const Outputs& outputs, const std::string& name);
// The feature with channels last. The channels of maps [N, C, h, w] are the second dimension; those of other tensors are the
// last.
[[nodiscard]] at::Tensor channels_last(const at::Tensor& feature);

// Mean squared difference of two features [N, C, h, w] or [N, ..., C], each normalised over its channels to mean 0 and
// variance 1. It equals 2 (1 - correlation). Maps of the teacher are first resized to the size of the student's.
[[nodiscard]] at::Tensor feature_term(const at::Tensor& student, const at::Tensor& teacher, const Projection* projection);
// Mean over elements of T^2 KL(sigmoid(teacher / T) || sigmoid(student / T)) of binary distributions (Hinton et al. 2015).
// `ignored`: elements that do not count, bool of the same shape; undefined: none.
[[nodiscard]] at::Tensor logit_term(const at::Tensor& student, const at::Tensor& teacher, double temperature,
                                    const at::Tensor& ignored = {});
// For logits [Q, K, 1] and [Q, K', 1]: mean squared difference of the min(K, K') highest scores (sigmoids) of each prompt, both
// sorted from high to low, because the object queries of two models have no common order.
[[nodiscard]] at::Tensor score_term(const at::Tensor& student, const at::Tensor& teacher);

// `ignore`: as Targets::ignore; applies to the semantic map.
[[nodiscard]] std::vector<LossTerm> distill_terms(const Outputs& student, const Outputs& teacher,
                                                  const Projections& projections, const DistillOptions& options,
                                                  const at::Tensor& ignore = {});

}  // namespace sam3lab::schemes::distill
