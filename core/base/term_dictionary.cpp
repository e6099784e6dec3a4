#include "core/base/term_dictionary.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/base/toml_file.h"

namespace sam3lab {
namespace {

using Faults = std::vector<Fault>;

struct TermLocation {
  const std::string& file;
  const std::string& term;
};

std::string text_of(const TermLocation& at, const toml::node& node, const std::string& what, Faults& faults) {
  auto text = unescaped(node.value_exact<std::string>().value_or(""));
  if (text.find_first_not_of(" \t\n") == std::string::npos)
    faults.push_back({location_of(at.file, node), what + " is no text", "", "a text in quotes", ""});
  return text;
}

std::vector<std::string> texts_of(const TermLocation& at, const toml::node& node, const std::string& key, Faults& faults) {
  std::vector<std::string> texts;
  const auto* list = node.as_array();
  if (list == nullptr)
    faults.push_back(
        {location_of(at.file, node), "'" + key + "' of '" + at.term + "' is no list", "", key + " = [\"...\"]", ""});
  else
    for (const auto& one : *list) texts.push_back(text_of(at, one, "a text in '" + key + "' of '" + at.term + "'", faults));
  return texts;
}

bool digits(std::string_view text, std::size_t least, std::size_t most) {
  return text.size() >= least && text.size() <= most && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// What an identifier of each ontology looks like; which of them a term has is for people to know.
bool fits(const std::string& ontology, const std::string& code) {
  if (ontology == "RadLex") return code.starts_with("RID") && digits(std::string_view(code).substr(3), 1, 7);
  if (ontology == "SNOMED-CT") return digits(code, 6, 18);
  return digits(code, 7, 7);
}

constexpr std::array<std::string_view, 5> ontologies = {"UBERON", "CL", "GO", "RadLex", "SNOMED-CT"};

void read_codes(const TermLocation& at, const toml::node& node, Term& term, Faults& faults) {
  const auto* table = node.as_table();
  if (table == nullptr) {
    faults.push_back(
        {location_of(at.file, node), "'codes' of '" + at.term + "' is no table", "", "codes = { UBERON = \"0002107\" }", ""});
    return;
  }
  for (const auto& [key, value] : *table) {
    const auto ontology = unescaped(key.str());
    const auto code = text_of(at, value, "the code in " + ontology + " of '" + at.term + "'", faults);
    if (std::find(ontologies.begin(), ontologies.end(), ontology) == ontologies.end())
      faults.push_back({location_of(at.file, value), "'" + ontology + "' is no known ontology", "",
                        "UBERON, CL, GO, RadLex or SNOMED-CT", ""});
    else if (!fits(ontology, code))
      faults.push_back({location_of(at.file, value), "'" + code + "' is no code of " + ontology, "", "", ""});
    term.codes[ontology] = code;
  }
}

Term term_of(const TermLocation& at, const toml::table& table, Faults& faults) {
  Term term;
  term.name = at.term;
  for (const auto& [name, node] : table) {
    const auto key = unescaped(name.str());
    const auto what = "'" + key + "' of '" + at.term + "'";
    if (key == "text") {
      term.text = text_of(at, node, what, faults);
    } else if (key == "parent") {
      term.parent = text_of(at, node, what, faults);
    } else if (key == "note") {
      term.note = text_of(at, node, what, faults);
    } else if (key == "synonyms") {
      term.synonyms = texts_of(at, node, key, faults);
    } else if (key == "attributes") {
      term.attributes = texts_of(at, node, key, faults);
    } else if (key == "modalities") {
      term.modalities = texts_of(at, node, key, faults);
    } else if (key == "labels") {
      term.labels = texts_of(at, node, key, faults);
    } else if (key == "codes") {
      read_codes(at, node, term, faults);
    } else {
      faults.push_back({location_of(at.file, node), what + " is not understood", "",
                        "text, synonyms, attributes, parent, modalities, codes, labels, note", ""});
    }
  }
  if (!table.contains("text"))
    faults.push_back({location_of(at.file, table), "'" + at.term + "' has no text", "", "text = \"...\"", ""});
  if (!table.contains("labels")) term.labels = {term.name};
  return term;
}

}  // namespace

TermDictionary TermDictionary::read(const std::string& path) {
  const auto table = read_toml(path);
  TermDictionary out;
  Faults faults;
  for (const auto& [key, node] : table) {
    const auto name = unescaped(key.str());
    if (const auto* entry = node.as_table()) {
      out.terms_.push_back(term_of({path, name}, *entry, faults));
    } else {
      faults.push_back({location_of(path, node), "'" + name + "' is no entry", "", "{ text = \"...\" }", ""});
    }
  }
  if (table.empty())
    faults.push_back({path, "the dictionary is empty", "", "lines such as \"lung\" = { text = \"lung\" }", ""});
  std::sort(out.terms_.begin(), out.terms_.end(), [](const Term& a, const Term& b) { return a.name < b.name; });
  for (std::size_t i = 0; i < out.terms_.size(); ++i) {
    for (const auto& label : out.terms_[i].labels) {
      const auto [at, added] = out.of_label_.emplace(label, i);
      if (!added)
        faults.push_back({path, "label '" + label + "' belongs to two terms",
                          out.terms_[at->second].name + " and " + out.terms_[i].name, "one",
                          "take it out of the labels of one of them"});
    }
  }
  for (const auto& term : out.terms_) {
    if (!term.parent.empty() && out.named(term.parent) == nullptr) {
      faults.push_back({path, "the parent of '" + term.name + "' is no term", term.parent, "a name of this file", ""});
    } else if (const auto line = out.ancestors(term); !line.empty() && line.back() == &term) {
      faults.push_back({path, "'" + term.name + "' is its own ancestor", "", "", "take out one `parent` of the circle"});
    }
  }
  if (!faults.empty()) throw UsageError(faults);
  return out;
}

const Term* TermDictionary::of_label(const std::string& label) const {
  const auto found = of_label_.find(label);
  return found == of_label_.end() ? nullptr : &terms_[found->second];
}

const Term* TermDictionary::named(const std::string& name) const {
  const auto found =
      std::lower_bound(terms_.begin(), terms_.end(), name, [](const Term& a, const std::string& b) { return a.name < b; });
  return found == terms_.end() || found->name != name ? nullptr : &*found;
}

// Ends at a term that closes a circle, so that read() can tell it.
std::vector<const Term*> TermDictionary::ancestors(const Term& term) const {
  std::vector<const Term*> line;
  for (const auto* at = named(term.parent); at != nullptr; at = named(at->parent)) {
    const bool seen = std::find(line.begin(), line.end(), at) != line.end();
    line.push_back(at);
    if (seen || at->name == term.name) break;
  }
  return line;
}

std::vector<const Term*> TermDictionary::children(const Term& term) const {
  std::vector<const Term*> found;
  for (const auto& one : terms_)
    if (one.parent == term.name) found.push_back(&one);
  return found;
}

}  // namespace sam3lab
