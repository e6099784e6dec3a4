#include "core/record/layout.h"
#include "core/record/run_record.h"

namespace sam3lab {

// The whole name first: an experiment may call a metric "area_merged".
const MetricInfo* metric_of(const RunRecord& record, std::string_view column) {
  const auto find = [&record](std::string_view name) {
    const auto found = record.metrics.find(std::string(name));
    return found == record.metrics.end() ? nullptr : &found->second;
  };
  if (const auto* info = find(column)) return info;
  for (const auto suffix : {layout::ungated_suffix, layout::merged_suffix}) {
    if (column.ends_with(suffix)) return find(column.substr(0, column.size() - suffix.size()));
  }
  return nullptr;
}

}  // namespace sam3lab
