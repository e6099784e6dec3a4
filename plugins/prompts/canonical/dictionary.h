// Texts for labels, from a dictionary file, and the queries for what an image shows.
//
//   "thoracic spine" = { text = "spine", synonyms = ["vertebral column"] }
#pragma once
#include <map>
#include <string>
#include <vector>

#include <sam3lab/api/options.h>
#include <sam3lab/api/prompt.h>

namespace sam3lab {

struct CanonicalOptions {
  std::string dictionary;
  std::int64_t per_image = 0;
  double synonym_probability = 0.0;

  template <class V>
  void visit(V&& v) {
    v("dictionary", dictionary, Limits().required().path().about("TOML: label = { text = \"...\", synonyms = [...] }"));
    v("per_image", per_image,
      at_least(0).about("prompts drawn of an image's labels at each training step; 0: all. Evaluation asks all"));
    v("synonym_probability", synonym_probability,
      between(0, 1).about("of a synonym instead of the text, in training, where there is one"));
  }
};

struct DictionaryEntry {
  std::string text;
  std::vector<std::string> synonyms;
};

// Throws UsageError with every fault found.
std::map<std::string, DictionaryEntry> read_dictionary(const std::string& path);

class CanonicalPrompt final : public Prompt {
 public:
  explicit CanonicalPrompt(const CanonicalOptions& options)
      : options_(options), entries_(read_dictionary(options.dictionary)) {}
  [[nodiscard]] std::string text(const std::string& label) const override;
  [[nodiscard]] std::vector<PromptQuery> queries(const PromptInput& input, Random& random) const override;

 private:
  CanonicalOptions options_;
  std::map<std::string, DictionaryEntry> entries_;
};

}  // namespace sam3lab
