// The names that the gaps of an image's path give it: subject, site, subset.
#pragma once
#include <map>
#include <string>
#include <vector>

#include <sam3lab/api/dataset.h>

#include "plugins/datasets/shared/paths/path_template.h"

namespace sam3lab::datasets {

class CaseNames {
 public:
  // `subject`, `site` and `subset` are texts with gaps. An empty `subset` means "{subset}" where a path has this gap. `subsets`
  // are renamings of subsets, such as "training=train". `where` names the plugin in errors. Throws UsageError that lists every
  // malformed renaming.
  CaseNames(std::string subject, std::string site, std::string subset, const std::vector<std::string>& subsets,
            std::string where);

  // The item with its names filled in; where `subject` is empty, the item is its own subject. Throws UsageError for a gap that
  // `gaps` lacks, and for the gap {part}, the former name of {subset}.
  [[nodiscard]] Item item(const std::string& id, const Gaps& gaps) const;

 private:
  std::string subject_, site_, subset_, where_;
  std::map<std::string, std::string> renames_;
};

}  // namespace sam3lab::datasets
