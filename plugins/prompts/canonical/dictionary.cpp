#include "plugins/prompts/canonical/dictionary.h"

#include <algorithm>

#include "plugins/shared/toml_file.h"

namespace sam3lab {
namespace {

std::string text_of(const std::string& path, const toml::node& node, const std::string& what, std::vector<Fault>& faults) {
  auto text = plain(node.value_exact<std::string>().value_or(""));
  if (text.find_first_not_of(" \t\n") == std::string::npos)
    faults.push_back({place(path, node), what + " is no text", "", "a text in quotes", ""});
  return text;
}

DictionaryEntry entry_of(const std::string& path, const std::string& label, const toml::table& table,
                         std::vector<Fault>& faults) {
  DictionaryEntry entry;
  for (const auto& [key, node] : table) {
    const auto what = "'" + plain(key.str()) + "' of label '" + label + "'";
    if (key.str() == "text") {
      entry.text = text_of(path, node, what, faults);
    } else if (const auto* list = node.as_array(); key.str() == "synonyms" && list != nullptr) {
      for (const auto& synonym : *list)
        entry.synonyms.push_back(text_of(path, synonym, "a synonym of label '" + label + "'", faults));
    } else {
      faults.push_back({place(path, node), what + " is not understood", "", "text = \"...\" and synonyms = [\"...\"]", ""});
    }
  }
  if (!table.contains("text"))
    faults.push_back({place(path, table), "label '" + label + "' has no text", "", "text = \"...\"", ""});
  return entry;
}

}  // namespace

std::map<std::string, DictionaryEntry> read_dictionary(const std::string& path) {
  const auto table = read_toml(path);
  std::map<std::string, DictionaryEntry> entries;
  std::vector<Fault> faults;
  for (const auto& [key, node] : table) {
    const std::string label = plain(key.str());
    if (const auto* entry = node.as_table()) {
      entries[label] = entry_of(path, label, *entry, faults);
    } else {
      faults.push_back({place(path, node), "label '" + label + "' is not an entry", "", "{ text = \"...\" }", ""});
    }
  }
  if (table.empty())
    faults.push_back({path, "the dictionary is empty", "", "lines such as \"lung\" = { text = \"lung\" }", ""});
  if (!faults.empty()) throw UsageError(faults);
  return entries;
}

std::string CanonicalPrompt::text(const std::string& label) const {
  const auto found = entries_.find(label);
  return found == entries_.end() ? "" : found->second.text;
}

std::vector<PromptQuery> CanonicalPrompt::queries(const PromptInput& input, Random& random) const {
  std::vector<PromptQuery> queries;
  for (const auto& present : input.present) {
    const auto found = entries_.find(present.label);
    if (found == entries_.end()) continue;
    PromptQuery query{present.label, found->second.text, true};
    const auto& synonyms = found->second.synonyms;
    if (input.training && !synonyms.empty() && random.uniform() < options_.synonym_probability)
      query.text = synonyms[random.below(synonyms.size())];
    queries.push_back(std::move(query));
  }
  const auto wanted = static_cast<std::size_t>(options_.per_image);
  if (input.training && wanted > 0 && queries.size() > wanted) {
    random.shuffle(queries);
    queries.resize(wanted);
  }
  return queries;
}

}  // namespace sam3lab
