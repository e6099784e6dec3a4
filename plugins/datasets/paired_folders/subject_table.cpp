#include "plugins/datasets/paired_folders/subject_table.h"

#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "core/base/toml_file.h"

namespace sam3lab::datasets::paired_folders {

SubjectTable::SubjectTable(const std::string& path) {
  std::vector<Fault> faults;
  const auto refuse = [&](const toml::node& node, const std::string& what, const std::string& got) {
    faults.push_back({location_of(path, node), what, got, "[[first, last], ...] or [\"id\", ...]", ""});
  };
  const auto add_range = [&](const toml::array& pair, const std::string& subject) {
    const auto first = pair.size() == 2 ? pair[0].value_exact<std::int64_t>() : std::nullopt;
    const auto last = pair.size() == 2 ? pair[1].value_exact<std::int64_t>() : std::nullopt;
    if (!first || !last || *first < 0 || *last < *first)
      return refuse(pair, "no range of numbers of subject '" + subject + "'", "");
    const auto next = ranges_.lower_bound(*first);
    const bool before = next != ranges_.begin() && std::prev(next)->second.last >= *first;
    if (before || (next != ranges_.end() && next->first <= *last))
      return refuse(pair, "a range of subject '" + subject + "' overlaps with another", fmt::format("[{}, {}]", *first, *last));
    ranges_[*first] = {*last, subject};
  };
  for (const auto& [key, node] : read_toml(path)) {
    const auto subject = unescaped(key.str());
    const auto* array = node.as_array();
    if (subject.empty() || array == nullptr || array->empty()) {
      refuse(node, "subject '" + subject + "' has no images", "");
      continue;
    }
    for (const auto& item : *array) {
      const auto id = item.value_exact<std::string>();
      if (const auto* pair = item.as_array()) {
        add_range(*pair, subject);
      } else if (!id) {
        refuse(item, "an entry of subject '" + subject + "' is not understood", "");
      } else if (!ids_.emplace(unescaped(*id), subject).second) {
        refuse(item, "an id of two subjects", unescaped(*id));
      }
    }
  }
  if (faults.empty() && ids_.empty() && ranges_.empty()) faults.push_back({path, "the table of subjects is empty", "", "", ""});
  if (!faults.empty()) throw UsageError(faults);
}

std::optional<std::string> SubjectTable::subject_of(const std::string& id) const {
  if (const auto found = ids_.find(id); found != ids_.end()) return found->second;
  const auto digit = id.find_first_of("0123456789");
  if (digit == std::string::npos) return std::nullopt;
  std::int64_t number = 0;
  if (std::from_chars(id.data() + digit, id.data() + id.size(), number).ec != std::errc()) return std::nullopt;
  const auto next = ranges_.upper_bound(number);
  if (next == ranges_.begin() || std::prev(next)->second.last < number) return std::nullopt;
  return std::prev(next)->second.subject;
}

}  // namespace sam3lab::datasets::paired_folders
