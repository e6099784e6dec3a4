#include "plugins/schemes/shared/adapter_modules.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/random.h>

#include "core/base/did_you_mean.h"

namespace sam3lab::schemes {
namespace {

std::string name_of(InjectionPoint::Kind kind) {
  switch (kind) {
    case InjectionPoint::Kind::linear:
      return "linear layer";
    case InjectionPoint::Kind::block:
      return "MLP or attention";
    default:
      return "attention's keys and values";
  }
}

// Patterns to suggest for "a.3.attn.q": "a.*.attn.q", "*.attn.q", "*.q".
void add_patterns(const std::string& name, std::set<std::string>& into) {
  std::string general;
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('.', begin), name.size());
    const auto piece = name.substr(begin, end - begin);
    const bool number = !piece.empty() && std::ranges::all_of(piece, [](unsigned char c) { return std::isdigit(c) != 0; });
    general += (begin == 0 ? "" : ".") + (number ? "*" : piece);
    begin = end + 1;
  }
  into.insert(general);
  auto dot = general.rfind('.');
  for (int depth = 0; depth < 3 && dot != std::string::npos && dot > 0; ++depth) {
    into.insert("*" + general.substr(dot));
    dot = general.rfind('.', dot - 1);
  }
}

Fault no_match(const std::string& option, const std::string& pattern, InjectionPoint::Kind kind,
               const std::vector<std::string>& names) {
  std::set<std::string> known;
  for (const auto& name : names) add_patterns(name, known);
  std::string fix = did_you_mean(pattern, {known.begin(), known.end()});
  if (fix.empty() && !names.empty()) fix = "there are for example " + names.front() + " and " + names.back();
  return {"[scheme] " + option, "'" + pattern + "' matches no " + name_of(kind) + " of the model", "", "", fix};
}

at::Device device_of(Backbone& model) {
  const auto parameters = model.parameters();
  return parameters.empty() ? at::Device(at::kCPU) : parameters.front().second.device();
}

}  // namespace

std::vector<InjectionPoint> chosen_points(const Backbone& model, InjectionPoint::Kind kind, const Texts& targets,
                                          const Texts& except) {
  std::vector<InjectionPoint> points = model.injection_points();
  std::erase_if(points, [&](const InjectionPoint& point) { return point.kind != kind; });
  if (points.empty()) {
    throw UsageError(
        Fault{"[scheme]", "this backbone offers no " + name_of(kind) + " to add to", "", "", "choose another scheme"});
  }
  std::vector<std::string> names;
  for (const auto& point : points) names.push_back(point.name);
  std::vector<Fault> faults;
  for (const auto& [option, patterns] : {std::pair("targets", &targets), std::pair("except", &except)}) {
    for (const auto& pattern : *patterns) {
      if (std::ranges::none_of(names, [&](const auto& name) { return matches(pattern, name); }))
        faults.push_back(no_match(option, pattern, kind, names));
    }
  }
  const auto any = [](const Texts& patterns, const InjectionPoint& point) {
    return std::ranges::any_of(patterns, [&](const auto& pattern) { return matches(pattern, point.name); });
  };
  std::erase_if(points, [&](const InjectionPoint& point) { return !any(targets, point) || any(except, point); });
  if (faults.empty() && points.empty())
    faults.push_back(
        {"[scheme] targets", "nothing is left to train", "", "at least one pattern that 'except' leaves something of", ""});
  if (!faults.empty()) throw UsageError(faults);
  return points;
}

TrainableSet train_modules(Backbone& model, const std::vector<PointedModule>& modules, const RateRule& rule,
                           const SchemeInput& input) {
  freeze(model);
  TrainableSet trainable;
  for (const auto& [point, module] : modules) {
    model.attach(point.name, module);
    for (const auto& [name, tensor] : module->parameters()) trainable.added.emplace_back(point.name + "." + name, tensor);
  }
  trainable.groups = parameter_groups(model, trainable.added, rule, input);
  return trainable;
}

at::Tensor uniform_start(Backbone& model, std::vector<std::int64_t> shape, double bound, std::uint64_t seed,
                         const std::string& name) {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(Random(seed, name).next());
  return at::empty(shape, at::kFloat).uniform_(-bound, bound, generator).to(device_of(model)).requires_grad_(true);
}

at::Tensor zero_start(Backbone& model, std::vector<std::int64_t> shape) {
  return at::zeros(shape, at::TensorOptions(at::kFloat).device(device_of(model))).requires_grad_(true);
}

}  // namespace sam3lab::schemes
