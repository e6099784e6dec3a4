// Matches several object queries to each target: those with the highest scores for it (Hu et al. 2023, "DAC-DETR",
// section 3.3). Results and defaults are those of BinaryOneToManyMatcher in sam3/train/matcher.py, with topk of SAM3's
// fine-tuning recipe.
#pragma once
#include <sam3lab/plugin.h>

namespace sam3lab::matchers::one_to_many {

struct OneToManyOptions {
  double alpha = 0.3, threshold = 0.4;
  std::int64_t topk = 4;
  template <class V>
  void visit(V&& v) {
    v("alpha", alpha, between(0.0, 1.0).about("score = alpha * probability + (1 - alpha) * IoU with the target"));
    v("threshold", threshold, between(0.0, 1.0).about("the score of a pair must be above this value"));
    v("topk", topk, at_least(1).about("it must also be above the quantile 1 - topk / object queries of the target's scores"));
  }
};

class BinaryOneToMany final : public Matcher {
 public:
  explicit BinaryOneToMany(const OneToManyOptions& options) : options_(options) {}
  // An object query may be paired with two targets. Throws UsageError if topk is larger than the number of object queries.
  [[nodiscard]] Matches match(const Predictions& predictions, const Targets& targets) const override;

 private:
  OneToManyOptions options_;
};

}  // namespace sam3lab::matchers::one_to_many
