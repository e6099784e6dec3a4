// Classification of object queries (is this query an instance of the prompt?) and presence (is the prompt in the image?).
// Computes what `IABCEMdetr` in sam3/train/loss/loss_fns.py computes, with the settings of SAM3's fine-tuning recipe.
//
// Classification: a matched query learns the soft target t = p^alpha IoU^(1 - alpha), at least 0.01 (Cai et al. 2023,
// "Align-DETR", eq. 4), with weight pos_weight. All other queries learn 0 with weight p^gamma. With use_presence, prompts
// without a visible target are left out, because the presence logit covers them. The term is the mean over at least
// pad_n_queries object queries. Presence: focal loss of the presence logit, mean over prompts.
#pragma once
#include <sam3lab/plugin.h>

namespace sam3lab::losses::classification_presence {

struct ClassificationPresenceOptions {
  double ce = 20.0, presence = 20.0, pos_weight = 10.0, alpha = 0.25, gamma = 2.0;
  bool use_presence = true, pos_focal = false;
  std::int64_t pad_n_queries = 200;
  double pad_scale_pos = 1.0, presence_alpha = 0.5, presence_gamma = 0.0;
  template <class V>
  void visit(V&& v) {
    v("ce", ce, at_least(0.0).about("weight of the classification of object queries"));
    v("presence", presence, at_least(0.0).about("weight of the presence term"));
    v("pos_weight", pos_weight, at_least(0.0).about("factor of matched object queries"));
    v("alpha", alpha, between(0.0, 1.0).about("exponent of the probability in the soft target; the IoU has 1 - alpha"));
    v("gamma", gamma, at_least(0.0).about("focusing exponent of unmatched object queries"));
    v("use_presence", use_presence, about("learn presence, and leave prompts without a visible target to it"));
    v("pos_focal", pos_focal, about("focal instead of cross-entropy loss for matched object queries"));
    v("pad_n_queries", pad_n_queries,
      at_least(0).about("the mean counts at least this many object queries; 0: as many as there are"));
    v("pad_scale_pos", pad_scale_pos, at_least(0.0).about("further factor of matched object queries where the mean is padded"));
    v("presence_alpha", presence_alpha, between(0.0, 1.0).about("weight of present prompts in the presence term"));
    v("presence_gamma", presence_gamma, at_least(0.0).about("focusing exponent of the presence term"));
  }
};

class ClassificationPresence final : public Loss {
 public:
  explicit ClassificationPresence(const ClassificationPresenceOptions& options) : options_(options) {}
  // "loss_ce" and, where the input has a presence logit, "presence_loss".
  [[nodiscard]] std::vector<LossTerm> terms(const LossInput& input) const override;

 private:
  ClassificationPresenceOptions options_;
};

}  // namespace sam3lab::losses::classification_presence
