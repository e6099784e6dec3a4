#include "plugins/datasets/shared/paths/case_names.h"

#include <utility>

#include <sam3lab/api/error.h>

namespace sam3lab::datasets {

CaseNames::CaseNames(std::string subject, std::string site, std::string subset, const std::vector<std::string>& subsets,
                     std::string where)
    : subject_(std::move(subject)), site_(std::move(site)), subset_(std::move(subset)), where_(std::move(where)) {
  std::vector<Fault> faults;
  for (const auto& text : subsets) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
      faults.push_back({where_, "an entry of `subsets` is no renaming", text, "\"training=train\"", ""});
    } else {
      renames_[text.substr(0, equals)] = text.substr(equals + 1);
    }
  }
  if (!faults.empty()) throw UsageError(faults);
}

Item CaseNames::item(const std::string& id, const Gaps& gaps) const {
  if (subset_.empty() && gaps.contains("part") && !gaps.contains("subset"))
    throw UsageError(
        Fault{where_, "the gap {part} is now called {subset}", "{part}", "{subset}", "rename it in the templates"});
  Item item;
  item.id = id;
  item.subject = subject_.empty() ? id : fill_gaps(subject_, gaps, where_);
  item.site = fill_gaps(site_, gaps, where_);
  item.subset = fill_gaps(subset_.empty() && gaps.contains("subset") ? "{subset}" : subset_, gaps, where_);
  if (const auto other = renames_.find(item.subset); other != renames_.end()) item.subset = other->second;
  return item;
}

}  // namespace sam3lab::datasets
