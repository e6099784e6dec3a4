// Queries for concepts that an image does not show, so that a model learns to say no.
#pragma once
#include <string>
#include <vector>

#include <sam3lab/api/options.h>
#include <sam3lab/api/prompt.h>

namespace sam3lab::prompts::negative {

struct NegativeOptions {
  std::int64_t per_image = 1;
  std::string from = "any";
  bool in_training = true;

  template <class V>
  void visit(V&& v) {
    v("per_image", per_image, at_least(1).about("absent concepts asked of an image, where there are so many"));
    v("from", from,
      one_of({"any", "same_dataset"})
          .about("same_dataset: only labels that the image's dataset annotates and that are missing in the image; any: also "
                 "concepts of other modalities"));
    v("in_training", in_training, about("ask in training too; false: only in evaluations, for the off-prompt rate"));
  }
};

class NegativePrompt final : public Prompt {
 public:
  explicit NegativePrompt(const NegativeOptions& options) : options_(options) {}
  [[nodiscard]] std::string text(const std::string&) const override { return ""; }
  // Drawn without repetition; with the same `random`, the same.
  [[nodiscard]] std::vector<PromptQuery> queries(const PromptInput& input, Random& random) const override;

 private:
  NegativeOptions options_;
};

}  // namespace sam3lab::prompts::negative
