// Text-to-mask alignment by a contrastive loss (InfoNCE, arXiv 1807.03748): the embedding of a prompt becomes more similar to
// the image features inside its mask than to the features inside other prompts' masks and in the background.
#pragma once
#include <sam3lab/plugin.h>

namespace sam3lab::losses::grounding {

struct GroundingOptions {
  double weight = 1.0, temperature = 0.07, overlap = 0.5;
  bool background = true;
  template <class V>
  void visit(V&& v) {
    v("weight", weight, at_least(0.0).about("weight of the term"));
    v("temperature", temperature, more_than(0.0).about("cosine similarities are divided by it"));
    v("overlap", overlap,
      between(0.0, 1.0).about(
          "two masks that share more than this fraction of the smaller one are no negatives of each other"));
    v("background", background, about("the background of a prompt's mask is a negative, too"));
  }
};

class GroundingLoss final : public Loss {
 public:
  explicit GroundingLoss(const GroundingOptions& options) : options_(options) {}
  // "loss_grounding" from the extras "prompt_embedding" [Q, d], "prompt_tokens" [Q, L] and "pixel_features" [Q, d, h, w];
  // UsageError if the backbone does not give them. 0 without a target in the batch.
  [[nodiscard]] std::vector<LossTerm> terms(const LossInput& input) const override;
  [[nodiscard]] bool once() const override { return true; }

 private:
  GroundingOptions options_;
};

// Inputs of the term. texts, inside, outside: unit vectors [Q, d]. present [Q] bool: prompts with a mask. negative [Q, Q] bool:
// whether j is a negative of i. has_outside [Q] bool: prompts with a background that counts.
struct GroundingPairs {
  at::Tensor texts, inside, outside, present, negative, has_outside;
};
[[nodiscard]] at::Tensor grounding_term(const GroundingPairs& pairs, double temperature);

}  // namespace sam3lab::losses::grounding
