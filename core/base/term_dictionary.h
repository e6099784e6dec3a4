// The dictionary: what the model reads for each label of each dataset, in one file of terms.
//
//   ["optic disc"]
//   text = "optic disc"                       # what the model reads
//   synonyms = ["optic nerve head"]           # other words for the very same thing
//   attributes = ["bright", "round"]          # words that hold for every one of them and may stand before the text
//   parent = "retina"                         # the term that this one is a part or a kind of
//   modalities = ["fundus"]                   # where it is seen
//   codes = { UBERON = "0001783" }            # the same thing in ontologies
//   labels = ["disc", "OD"]                   # what datasets call it; without this key, the name of the term
//   note = "..."                              # for people
//
// `text` alone is required.
#pragma once
#include <map>
#include <string>
#include <vector>

#include <sam3lab/api/export.h>

namespace sam3lab {

struct Term {
  std::string name, text, parent, note;
  std::vector<std::string> synonyms, attributes, modalities, labels;
  std::map<std::string, std::string> codes;
};

class SAM3LAB_API TermDictionary {
 public:
  // At most 1 MiB. Throws UsageError with every fault found: a key that is not known, a text that is missing, a label that two
  // terms claim, a parent that is no term or its own ancestor, a code that its ontology could not have.
  static TermDictionary read(const std::string& path);

  [[nodiscard]] const std::vector<Term>& terms() const { return terms_; }  // sorted by name, at least one
  // The term of a label of a dataset, of that very name; nullptr if none serves it.
  [[nodiscard]] const Term* of_label(const std::string& label) const;
  [[nodiscard]] const Term* named(const std::string& name) const;
  // From its parent up to the coarsest.
  [[nodiscard]] std::vector<const Term*> ancestors(const Term& term) const;
  // Terms that have it as parent, sorted by name.
  [[nodiscard]] std::vector<const Term*> children(const Term& term) const;

 private:
  std::vector<Term> terms_;
  std::map<std::string, std::size_t> of_label_;
};

}  // namespace sam3lab
