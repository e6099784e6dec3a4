#include "core/cli/terms.h"

#include <algorithm>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sam3lab/api/error.h>

#include "core/base/term_dictionary.h"
#include "core/base/text.h"
#include "core/config/recipes.h"

namespace sam3lab {
namespace {

using nlohmann::ordered_json;

std::vector<std::string> names_of(const std::vector<const Term*>& terms) {
  std::vector<std::string> names;
  for (const auto* term : terms) names.push_back(term->name);
  return names;
}

ordered_json json_of(const TermDictionary& dictionary, const Term& term) {
  return {{"name", term.name},
          {"text", term.text},
          {"synonyms", term.synonyms},
          {"attributes", term.attributes},
          {"ancestors", names_of(dictionary.ancestors(term))},
          {"children", names_of(dictionary.children(term))},
          {"modalities", term.modalities},
          {"codes", term.codes},
          {"labels", term.labels},
          {"note", term.note}};
}

void print(const std::string& name, const std::vector<std::string>& values) {
  if (!values.empty()) std::cout << fmt::format("  {:<11}{}\n", name, join(values));
}

const Term& find(const TermDictionary& dictionary, const std::string& file, const std::string& name) {
  if (const auto* term = dictionary.named(name)) return *term;
  if (const auto* term = dictionary.of_label(name)) return *term;
  std::vector<std::string> known;
  for (const auto& term : dictionary.terms()) {
    known.push_back(term.name);
    known.insert(known.end(), term.labels.begin(), term.labels.end());
  }
  throw UsageError(Fault{"sam3lab explain", "no term and no label '" + shorten(name) + "' in " + file, "",
                         "a name that `sam3lab list term` shows", did_you_mean(name, known)});
}

std::string found_term(const std::string& file) {
  if (!file.empty()) return file;
  if (const auto recipes = find_recipes()) return (recipes->parent_path() / "dictionary.toml").string();
  throw UsageError(Fault{"sam3lab", "no dictionary is named", "", "--dictionary FILE, or a folder with experiments/base", ""});
}

}  // namespace

void list_terms(const std::string& file, bool json) {
  const auto dictionary = found_term(file);
  const auto read = TermDictionary::read(dictionary);
  if (json) {
    ordered_json document = {{"dictionary", dictionary}, {"terms", ordered_json::array()}};
    for (const auto& term : read.terms()) document["terms"].push_back(json_of(read, term));
    std::cout << document.dump(2) << "\n";
    return;
  }
  std::size_t width = 0;
  for (const auto& term : read.terms()) width = std::max(width, term.name.size());
  for (const auto& term : read.terms()) {
    const auto line = names_of(read.ancestors(term));
    std::cout << fmt::format("{:<{}}  {}{}\n", term.name, width, term.text, line.empty() ? "" : "  < " + join(line, " < "));
  }
  std::cout << fmt::format("terms={}\n", read.terms().size());
}

void explain_term(const std::string& file, const std::string& name, bool json) {
  const auto dictionary = found_term(file);
  const auto read = TermDictionary::read(dictionary);
  const auto& term = find(read, dictionary, name);
  if (json) {
    std::cout << json_of(read, term).dump(2) << "\n";
    return;
  }
  std::cout << term.name << "\n";
  print("text", {term.text});
  print("synonyms", term.synonyms);
  print("attributes", term.attributes);
  print("part of", names_of(read.ancestors(term)));
  print("holds", names_of(read.children(term)));
  print("modalities", term.modalities);
  std::vector<std::string> codes;
  for (const auto& [ontology, code] : term.codes) codes.push_back(ontology + " " + code);
  print("codes", codes);
  print("labels", term.labels);
  if (!term.note.empty()) print("note", {term.note});
}

}  // namespace sam3lab
