#include "core/verify/texts.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include <fmt/format.h>

#include "core/base/text.h"

namespace sam3lab {
namespace {

using Words = std::vector<std::string>;

Words words_of(const std::string& text) {
  Words words(1);
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  for (auto& word : words) {
    if (word == "nuclei") word = "nucleus";
    if (word.size() > 3 && word.ends_with('s') && !word.ends_with("us") && !word.ends_with("ss") && !word.ends_with("is"))
      word.pop_back();
    if (word == "tumor") word = "tumour";
  }
  return words;
}

bool contains_all(const Words& whole, const Words& part) {
  return std::all_of(part.begin(), part.end(),
                     [&](const auto& word) { return std::find(whole.begin(), whole.end(), word) != whole.end(); });
}

bool one_may_mean(const Words& prompt, const Words& label) {
  return !prompt.empty() && !label.empty() &&
         (prompt.back() == label.back() || contains_all(prompt, label) || contains_all(label, prompt));
}

void check_labels(const VerifiedDataset& dataset, std::vector<Finding>& findings) {
  std::map<std::string, std::vector<std::string>> by_text;
  for (const auto& label : dataset.data->labels()) {
    const auto text = dataset.texts.find(label);
    if (text == dataset.texts.end()) {
      findings.push_back({Severity::error,
                          "no_term",
                          {dataset.name},
                          fmt::format("label '{}' has no text: the model cannot be asked for it", label),
                          1,
                          {}});
    } else {
      by_text[join(words_of(text->second), " ")].push_back(label);
    }
  }
  for (const auto& [text, labels] : by_text) {
    if (labels.size() < 2) continue;
    findings.push_back(
        {Severity::error,
         "prompt_conflict",
         {dataset.name},
         fmt::format("one text, \"{}\", for {} labels: {}", dataset.texts.at(labels.front()), labels.size(), join(labels)),
         static_cast<std::int64_t>(labels.size()),
         labels});
  }
}

// The same text in two datasets for labels that cannot mean the same.
void check_across(const std::vector<VerifiedDataset>& datasets, std::vector<Finding>& findings) {
  std::map<std::string, std::vector<std::pair<const VerifiedDataset*, std::string>>> by_text;
  for (const auto& dataset : datasets) {
    for (const auto& [label, text] : dataset.texts) by_text[join(words_of(text), " ")].emplace_back(&dataset, label);
  }
  for (const auto& [text, uses] : by_text) {
    for (std::size_t i = 1; i < uses.size(); ++i) {
      const auto& [first, label] = uses.front();
      const auto& [other, its_label] = uses[i];
      if (first == other || may_mean(label, its_label)) continue;
      findings.push_back({Severity::warning,
                          "prompt_conflict",
                          {first->name, other->name},
                          fmt::format("one text, \"{}\", for label '{}' of {} and label '{}' of {}", other->texts.at(its_label),
                                      label, first->name, its_label, other->name),
                          1,
                          {}});
    }
  }
}

void check_published(const std::vector<VerifiedDataset>& datasets, std::vector<Finding>& findings) {
  for (const auto& dataset : datasets) {
    const auto& prompt = dataset.common.published_prompt;
    if (prompt.empty()) continue;
    const auto& labels = dataset.source_labels;
    const bool fits = std::any_of(labels.begin(), labels.end(), [&](const auto& label) {
      const auto text = dataset.texts.find(label);
      return may_mean(prompt, label) || (text != dataset.texts.end() && may_mean(prompt, text->second));
    });
    if (fits) continue;
    const auto severity = dataset.common.prompt == "published" ? Severity::error : Severity::warning;
    findings.push_back({severity,
                        "published_prompt",
                        {dataset.name},
                        fmt::format("the published evaluator asks for \"{}\", the labels are: {}", prompt, join(labels)),
                        1,
                        {}});
  }
}

}  // namespace

bool may_mean(const std::string& prompt, const std::string& label) {
  const auto words = words_of(prompt), of_label = words_of(label);
  Words part;
  for (const auto& word : words) {
    if (word == "and" || word == "or") {
      if (one_may_mean(part, of_label)) return true;
      part.clear();
    } else {
      part.push_back(word);
    }
  }
  return one_may_mean(part, of_label);
}

std::vector<Finding> check_texts(const std::vector<VerifiedDataset>& datasets, bool with_prompts) {
  std::vector<Finding> findings;
  if (with_prompts) {
    for (const auto& dataset : datasets) check_labels(dataset, findings);
    check_across(datasets, findings);
  }
  check_published(datasets, findings);
  return findings;
}

}  // namespace sam3lab
