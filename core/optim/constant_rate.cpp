#include "core/optim/constant_rate.h"

#include <fnmatch.h>

#include <algorithm>

#include <sam3lab/api/error.h>

namespace sam3lab {
namespace {

constexpr const char* where = "train.constant_rate";
constexpr const char* ending = ".constant_rate";

bool matches(const std::string& pattern, const std::string& name) { return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0; }

}  // namespace

std::vector<bool> constant_rates(const std::vector<ParameterGroup>& groups, const Texts& patterns) {
  std::vector<Fault> faults;
  std::vector<bool> used(patterns.size()), constant;
  for (const auto& group : groups) {
    std::string in, out;  // a parameter that matches, one that does not
    for (const auto& [name, tensor] : group.parameters) {
      bool any = false;
      for (std::size_t p = 0; p < patterns.size(); ++p) {
        if (!matches(patterns[p], name)) continue;
        any = true;
        used[p] = true;
      }
      (any ? in : out) = name;
    }
    constant.push_back(!in.empty() && out.empty());
    if (in.empty() || out.empty()) continue;
    faults.push_back({where, "takes in a part of the group '" + group.name + "'", in + ", but not " + out, "whole groups",
                      "give the pattern a rate of its own in the scheme (patterns, pattern_scales)"});
  }
  for (std::size_t p = 0; p < patterns.size(); ++p) {
    if (used[p]) continue;
    faults.push_back({where, "'" + patterns[p] + "' matches nothing that trains", "",
                      groups.empty() ? "" : "a pattern of parameters such as " + groups.front().parameters.front().first,
                      "sam3lab plan lists what trains"});
  }
  if (!faults.empty()) throw UsageError(faults);
  return constant;
}

void name_constant_rates(std::vector<ParameterGroup>& groups, const Texts& patterns) {
  const auto constant = constant_rates(groups, patterns);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    if (constant[g]) groups[g].name += ending;
  }
}

bool keeps_rate(const std::string& group_name) { return group_name.ends_with(ending); }

}  // namespace sam3lab
