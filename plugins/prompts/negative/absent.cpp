#include "plugins/prompts/negative/absent.h"

#include <set>

namespace sam3lab::prompts::negative {

std::vector<PromptQuery> NegativePrompt::queries(const PromptInput& input, Random& random) const {
  if (input.training && !options_.in_training) return {};
  std::set<std::string> taken;  // a text that is present under another label is not absent
  for (const auto& present : input.present) taken.insert(present.text);
  std::vector<PromptQuery> queries;
  for (const auto& absent : input.absent) {
    const bool of_dataset = !absent.label.empty();
    if ((of_dataset || options_.from == "any") && taken.insert(absent.text).second)
      queries.push_back({absent.label, absent.text, false});
  }
  random.shuffle(queries);
  if (queries.size() > static_cast<std::size_t>(options_.per_image))
    queries.resize(static_cast<std::size_t>(options_.per_image));
  return queries;
}

}  // namespace sam3lab::prompts::negative
