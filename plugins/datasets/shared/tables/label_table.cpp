#include "plugins/datasets/shared/tables/label_table.h"

#include <algorithm>
#include <set>

#include <torch/types.h>

#include "core/base/toml_file.h"

namespace sam3lab::datasets {
namespace {

constexpr std::int32_t largest_value = 65535;

void read_values(const std::string& path, const toml::array& array, LabelEntry& entry, std::vector<Fault>& faults) {
  std::set<std::int64_t> values;
  for (const auto& node : array) {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < 0 || *value > largest_value) {
      faults.push_back({location_of(path, node), "a value of label '" + entry.label + "' is no label value", "",
                        "an integer of 0 to 65535", ""});
    } else if (!values.insert(*value).second) {
      faults.push_back(
          {location_of(path, node), "label '" + entry.label + "' lists a value twice", std::to_string(*value), "", ""});
    }
  }
  entry.values.assign(values.begin(), values.end());
  if (array.empty())
    faults.push_back({location_of(path, array), "label '" + entry.label + "' has no values", "[]", "at least one", ""});
}

}  // namespace

at::Tensor LabelEntry::mask(const at::Tensor& stored) const {
  if (nonzero) return stored != 0;
  std::vector<bool> listed(static_cast<std::size_t>(largest_value) + 1, false);
  for (const auto value : values) listed[static_cast<std::size_t>(value)] = true;
  const auto dense = stored.contiguous();
  auto found = torch::empty(stored.sizes(), torch::kBool);
  const auto* from = dense.data_ptr<std::int32_t>();
  auto* to = found.data_ptr<bool>();
  for (std::int64_t i = 0; i < dense.numel(); ++i)
    to[i] = from[i] >= 0 && from[i] <= largest_value && listed[static_cast<std::size_t>(from[i])];
  return found;
}

std::vector<LabelEntry> read_label_table(const std::string& path) {
  const auto table = read_toml(path);
  std::vector<LabelEntry> entries;
  std::vector<Fault> faults;
  for (const auto& [key, node] : table) {
    LabelEntry entry{unescaped(key.str()), false, {}};
    if (entry.label.empty()) faults.push_back({location_of(path, node), "a label without a name", "", "", ""});
    if (const auto* array = node.as_array()) {
      read_values(path, *array, entry, faults);
    } else if (node.value_exact<std::string>() == "nonzero") {
      entry.nonzero = true;
    } else {
      faults.push_back(
          {location_of(path, node), "label '" + entry.label + "' has no values", "", "a list of integers, or \"nonzero\"", ""});
    }
    entries.push_back(std::move(entry));
  }
  if (table.empty()) faults.push_back({path, "the label table is empty", "", "lines such as \"lung\" = [5, 6]", ""});
  if (!faults.empty()) throw UsageError(faults);
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.label < b.label; });
  return entries;
}

}  // namespace sam3lab::datasets
