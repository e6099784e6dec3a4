#include "plugins/schemes/shared/parameter_groups.h"

#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include <ATen/ATen.h>

#include <sam3lab/api/error.h>

namespace sam3lab::schemes {
namespace {

// Path of the module that holds a parameter. A parameter that is neither a weight nor a bias has its own name as path.
std::string module_path(const std::string& parameter) {
  for (const std::string end : {".weight", ".bias"}) {
    if (parameter.ends_with(end)) return parameter.substr(0, parameter.size() - end.size());
  }
  return parameter;
}

// The longest common prefix of two paths.
std::string common_path(const std::string& a, const std::string& b) {
  const auto [end, other] = std::ranges::mismatch(a, b);
  const auto length = static_cast<std::size_t>(end - a.begin());
  const bool whole_a = length == a.size() && (length == b.size() || b[length] == '.');
  const bool whole_b = length == b.size() && (length == a.size() || a[length] == '.');
  if (whole_a || whole_b) return a.substr(0, length);
  const auto dot = a.rfind('.', length == 0 ? 0 : length - 1);
  return dot == std::string::npos ? "" : a.substr(0, dot);
}

// What the parameters of one group have in common.
struct Kind {
  std::string part;
  std::int64_t layer = -1;    // -1: the part has no layer decay
  bool spared = false;        // a position embedding without layer decay
  std::int64_t pattern = -1;  // index of the pattern that gave the scale
  bool decays = true;
  auto operator<=>(const Kind&) const = default;
};

class Grouping {
 public:
  Grouping(Backbone& model, const RateRule& rule, const SchemeInput& input) : model_(model), rule_(rule), input_(input) {
    std::vector<Fault> faults;
    check_parts(faults);
    if (!faults.empty()) throw UsageError(faults);
  }

  void add(const std::string& name, const at::Tensor& tensor) {
    const auto location = model_.locate(name);
    Kind kind{.part = location.module, .decays = rule_.decay_vectors || tensor.dim() > 1};
    const double scale = find_scale(name, location, kind);
    tensor.requires_grad_(scale > 0.0);
    if (scale == 0.0) return;
    auto found = std::ranges::find(kinds_, kind);
    if (found == kinds_.end()) {
      kinds_.push_back(kind);
      groups_.push_back({module_path(name), {}, input_.learning_rate * scale, kind.decays ? input_.weight_decay : 0.0});
      found = kinds_.end() - 1;
    }
    auto& group = groups_[static_cast<std::size_t>(found - kinds_.begin())];
    group.name = common_path(group.name, module_path(name));
    group.parameters.emplace_back(name, tensor);
  }

  std::vector<ParameterGroup> take() {
    std::set<std::string> taken;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      std::string& name = groups_[i].name;
      if (name.empty()) name = kinds_[i].part;
      const std::string end = kinds_[i].decays ? "" : ".no_decay";
      if (taken.contains(name + end) && kinds_[i].layer >= 0) name += ".layer_" + std::to_string(kinds_[i].layer);
      const std::string stem = name;
      for (std::size_t n = 2; taken.contains(name + end); ++n) name = stem + ".group_" + std::to_string(n);
      name += end;
      taken.insert(name);
    }
    return std::move(groups_);
  }

 private:
  double find_scale(const std::string& name, const ParameterLocation& location, Kind& kind) const {
    for (std::size_t i = rule_.patterns.size(); i-- > 0;) {
      if (!matches(rule_.patterns[i].first, name)) continue;
      kind.pattern = static_cast<std::int64_t>(i);
      return rule_.patterns[i].second;
    }
    const auto part = rule_.scales.find(location.module);
    const double scale = part == rule_.scales.end() ? 1.0 : part->second;
    const auto decay = rule_.layer_decay.find(location.module);
    if (decay == rule_.layer_decay.end() || decay->second == 1.0) return scale;
    kind.spared = rule_.spare_positions && location.position;
    kind.layer = kind.spared ? location.layers + 1 : location.layer;
    return scale * std::pow(decay->second, static_cast<double>(location.layers + 1 - kind.layer));
  }

  void check_parts(std::vector<Fault>& faults) const {
    std::map<std::string, std::int64_t> layers;  // part -> number of its blocks
    std::vector<std::string> names;
    for (const auto& [name, tensor] : model_.parameters()) {
      const auto location = model_.locate(name);
      layers[location.module] = location.layers;
      names.push_back(name);
    }
    std::string known;
    for (const auto& [part, count] : layers) known += (known.empty() ? "" : ", ") + part;
    for (const auto& [part, scale] : rule_.scales) {
      if (scale != 1.0 && !layers.contains(part))
        faults.push_back({"[scheme]", "the model has no part '" + part + "'", "", known, ""});
    }
    for (const auto& [part, decay] : rule_.layer_decay) {
      if (decay == 1.0) continue;
      const auto found = layers.find(part);
      if (found == layers.end())
        faults.push_back({"[scheme]", "layer decay for part '" + part + "', which the model lacks", "", known, ""});
      if (found != layers.end() && found->second == 0)
        faults.push_back(
            {"[scheme]", "layer decay for part '" + part + "', which has no layers", "", "a part made of blocks", ""});
    }
    for (const auto& [pattern, scale] : rule_.patterns) {
      if (std::ranges::none_of(names, [&p = pattern](const auto& name) { return matches(p, name); }))
        faults.push_back({"[scheme] patterns", "'" + pattern + "' matches no parameter", "", "e.g. " + names.front(), ""});
    }
  }

  Backbone& model_;
  const RateRule& rule_;
  const SchemeInput& input_;
  std::vector<Kind> kinds_;  // of groups_, in their order
  std::vector<ParameterGroup> groups_;
};

}  // namespace

bool matches(const std::string& pattern, const std::string& name) { return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0; }

std::vector<std::string> names_of(const NamedTensors& tensors) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) names.push_back(name);
  return names;
}

std::vector<std::string> matching(const std::vector<std::string>& names, const Texts& patterns, const std::string& option) {
  std::vector<Fault> faults;
  for (const auto& pattern : patterns) {
    if (std::ranges::any_of(names, [&](const auto& name) { return matches(pattern, name); })) continue;
    faults.push_back({option, "'" + pattern + "' matches nothing in the model", "",
                      names.empty() ? "" : "e.g. " + names.front(), "sam3lab plan lists what there is"});
  }
  if (!faults.empty()) throw UsageError(faults);
  std::vector<std::string> chosen;
  std::ranges::copy_if(names, std::back_inserter(chosen), [&](const auto& name) {
    return std::ranges::any_of(patterns, [&](const auto& pattern) { return matches(pattern, name); });
  });
  return chosen;
}

std::vector<ParameterGroup> parameter_groups(Backbone& model, const NamedTensors& parameters, const RateRule& rule,
                                             const SchemeInput& input) {
  Grouping grouping(model, rule, input);
  for (const auto& [name, tensor] : parameters) grouping.add(name, tensor);
  return grouping.take();
}

void freeze(Backbone& model) {
  for (auto& [name, tensor] : model.parameters()) tensor.requires_grad_(false);
}

RateRule RateOptions::rule() const {
  return {.scales = {{"vision", vision},
                     {"text", text},
                     {"transformer", transformer},
                     {"segmentation", segmentation},
                     {"geometry", geometry},
                     {"scoring", scoring}},
          .layer_decay = {},
          .decay_vectors = decay_norms_and_biases};
}

void add_patterns(const Texts& patterns, const Numbers& scales, RateRule& rule) {
  if (patterns.size() != scales.size()) {
    throw UsageError(Fault{"[scheme] pattern_scales", "does not fit patterns", std::to_string(scales.size()) + " scales",
                           "one for each of " + std::to_string(patterns.size()) + " patterns", ""});
  }
  for (std::size_t i = 0; i < patterns.size(); ++i) rule.patterns.emplace_back(patterns[i], scales[i]);
}

void LayerDecayOptions::add_to(RateRule& rule) const {
  add_patterns(patterns, pattern_scales, rule);
  for (const auto& part : decayed_parts) rule.layer_decay[part] = layer_decay;
  rule.spare_positions = spare_positions;
}

}  // namespace sam3lab::schemes
