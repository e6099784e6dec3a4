// What is said of an image by the gaps of its path: subject, hospital, side of a split.
#pragma once
#include <map>
#include <string>
#include <vector>

#include <sam3lab/api/dataset.h>

#include "plugins/datasets/shared/paths/path_template.h"

namespace sam3lab::datasets {

class CaseNames {
 public:
  // Texts with gaps. `parts` renames what `part` gives: "training=train"; an empty `part` is "{part}" where there is such a
  // gap. `where` is the plugin. Throws UsageError with every renaming that is none.
  CaseNames(std::string subject, std::string site, std::string part, const std::vector<std::string>& parts, std::string where);

  // An item with its names filled in; without a text for the subject it is its own subject. Throws UsageError for a gap that
  // `gaps` lacks.
  [[nodiscard]] Item item(const std::string& id, const Gaps& gaps) const;

 private:
  std::string subject_, site_, part_, where_;
  std::map<std::string, std::string> renames_;
};

}  // namespace sam3lab::datasets
