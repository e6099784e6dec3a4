#include "plugins/prompts/canonical/canonical_prompt.h"

namespace sam3lab::prompts::canonical {

std::string CanonicalPrompt::text(const std::string& label) const {
  const auto* term = dictionary_.of_label(label);
  return term == nullptr ? "" : term->text;
}

// Draws nothing that is switched off: the random numbers of older experiments stay what they were.
std::string CanonicalPrompt::varied(const Term& term, Random& random) const {
  auto text = term.text;
  if (!term.synonyms.empty() && random.uniform() < options_.synonym_probability)
    text = term.synonyms[random.below(term.synonyms.size())];
  if (options_.attribute_probability > 0 && !term.attributes.empty() && random.uniform() < options_.attribute_probability)
    text = term.attributes[random.below(term.attributes.size())] + " " + text;
  return text;
}

std::vector<PromptQuery> CanonicalPrompt::queries(const PromptInput& input, Random& random) const {
  std::vector<PromptQuery> queries;
  for (const auto& present : input.present) {
    const auto* term = dictionary_.of_label(present.label);
    if (term == nullptr) continue;
    queries.push_back({present.label, input.training ? varied(*term, random) : term->text, true});
  }
  const auto wanted = static_cast<std::size_t>(options_.per_image);
  if (input.training && wanted > 0 && queries.size() > wanted) {
    random.shuffle(queries);
    queries.resize(wanted);
  }
  return queries;
}

}  // namespace sam3lab::prompts::canonical
