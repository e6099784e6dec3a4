// What a student is told by a teacher.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <sam3lab/plugin.h>

namespace sam3lab::schemes::distill {

struct DistillOptions;

// A frozen model in evaluation mode. One at a time may ask it.
class Teacher {
 public:
  explicit Teacher(std::shared_ptr<Backbone> model);
  [[nodiscard]] Outputs answer(const Batch& batch);  // without gradient; images resized to the teacher's side

 private:
  std::shared_ptr<Backbone> model_;
  std::mutex busy_;
};

// Linear map of a student's feature to the teacher's width.
struct Projection {
  at::Tensor weight, bias;  // [teacher's, student's], [teacher's]
};
using Projections = std::map<std::string, Projection>;

// The named extra; UsageError, with all names that there are, where the backbone does not give it.
[[nodiscard]] const at::Tensor& feature_of(const Outputs& outputs, const std::string& name);
// Channels last: of maps [N, C, h, w] the second dimension, of all else the last.
[[nodiscard]] at::Tensor channels_last(const at::Tensor& feature);

// Mean squared difference of both features, each normalised over its channels to mean 0 and variance 1: 2 (1 - correlation).
// Maps of the teacher are first resized to the student's. [N, C, h, w] or [N, ..., C].
[[nodiscard]] at::Tensor feature_term(const at::Tensor& student, const at::Tensor& teacher, const Projection* projection);
// Mean over elements of T^2 KL(sigmoid(teacher / T) || sigmoid(student / T)), two-valued distributions (Hinton et al. 2015).
// Elements that are `ignored` (bool of the same shape; undefined: none) do not count.
[[nodiscard]] at::Tensor logit_term(const at::Tensor& student, const at::Tensor& teacher, double temperature,
                                    const at::Tensor& ignored = {});
// Logits [Q, K, 1] and [Q, K', 1]: mean squared difference of the min(K, K') highest scores (sigmoids) of each prompt, both
// from high to low. Object queries of two models have no common order.
[[nodiscard]] at::Tensor score_term(const at::Tensor& student, const at::Tensor& teacher);

// `ignore`: as Targets::ignore, for the semantic map.
[[nodiscard]] std::vector<LossTerm> distill_terms(const Outputs& student, const Outputs& teacher,
                                                  const Projections& projections, const DistillOptions& options,
                                                  const at::Tensor& ignore = {});

}  // namespace sam3lab::schemes::distill
