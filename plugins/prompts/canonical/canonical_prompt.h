// Texts for labels, from a dictionary (sam3lab/api/term_dictionary.h), and the queries for what an image shows.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include <sam3lab/api/options.h>
#include <sam3lab/api/prompt.h>

#include "core/base/term_dictionary.h"

namespace sam3lab::prompts::canonical {

struct CanonicalOptions {
  std::string dictionary;
  std::int64_t per_image = 0;
  double synonym_probability = 0.0, attribute_probability = 0.0;

  template <class V>
  void visit(V&& v) {
    v("dictionary", dictionary,
      Limits().required().path().about("TOML: term = { text = \"...\", synonyms = [...], labels = [...] }"));
    v("per_image", per_image,
      at_least(0).about("prompts drawn of an image's labels at each training step; 0: all. Evaluation asks all"));
    v("synonym_probability", synonym_probability,
      between(0, 1).about("of a synonym instead of the text, in training, where there is one"));
    v("attribute_probability", attribute_probability,
      between(0, 1).about("of one of the term's attributes before the text, in training, where there is one"));
  }
};

class CanonicalPrompt final : public Prompt {
 public:
  explicit CanonicalPrompt(CanonicalOptions options)
      : options_(std::move(options)), dictionary_(TermDictionary::read(options_.dictionary)) {}
  [[nodiscard]] std::string text(const std::string& label) const override;
  [[nodiscard]] std::vector<PromptQuery> queries(const PromptInput& input, Random& random) const override;

 private:
  [[nodiscard]] std::string varied(const Term& term, Random& random) const;

  CanonicalOptions options_;
  TermDictionary dictionary_;
};

}  // namespace sam3lab::prompts::canonical
