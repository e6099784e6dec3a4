#include "plugins/shared/label_table.h"

#include <algorithm>
#include <set>

#include <torch/torch.h>

#include "plugins/shared/toml_file.h"

namespace sam3lab {
namespace {

void read_values(const std::string& path, const toml::array& array, LabelEntry& entry, std::vector<Fault>& faults) {
  std::set<std::int64_t> values;
  for (const auto& node : array) {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < 0 || *value > 65535) {
      faults.push_back({place(path, node), "a value of label '" + entry.label + "' is no label value", "", "an integer of 0 to 65535", ""});
    } else if (!values.insert(*value).second) {
      faults.push_back({place(path, node), "label '" + entry.label + "' lists a value twice", std::to_string(*value), "", ""});
    }
  }
  entry.values.assign(values.begin(), values.end());
  if (array.empty()) faults.push_back({place(path, array), "label '" + entry.label + "' has no values", "[]", "at least one", ""});
}

}  // namespace

at::Tensor LabelEntry::mask(const at::Tensor& stored) const {
  if (nonzero) return stored != 0;
  auto found = torch::zeros(stored.sizes(), torch::kBool);
  for (const auto value : values) found |= stored == value;
  return found;
}

std::vector<LabelEntry> read_label_table(const std::string& path) {
  const auto table = read_toml(path);
  std::vector<LabelEntry> entries;
  std::vector<Fault> faults;
  for (const auto& [key, node] : table) {
    LabelEntry entry{std::string(key.str()), false, {}};
    if (entry.label.empty()) faults.push_back({place(path, node), "a label without a name", "", "", ""});
    if (const auto* array = node.as_array()) {
      read_values(path, *array, entry, faults);
    } else if (node.value_exact<std::string>() == "nonzero") {
      entry.nonzero = true;
    } else {
      faults.push_back({place(path, node), "label '" + entry.label + "' has no values", "", "a list of integers, or \"nonzero\"", ""});
    }
    entries.push_back(std::move(entry));
  }
  if (table.empty()) faults.push_back({path, "the label table is empty", "", "lines such as \"lung\" = [5, 6]", ""});
  if (!faults.empty()) throw UsageError(faults);
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.label < b.label; });
  return entries;
}

}  // namespace sam3lab
