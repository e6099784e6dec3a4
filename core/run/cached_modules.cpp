#include "core/run/cached_modules.h"

#include <algorithm>

#include <ATen/Version.h>
#include <fmt/format.h>

#include <sam3lab/stamp.h>

#include "core/base/text.h"
#include "core/run/cell.h"
#include "core/run/code_version.h"
#include "core/run/cpu_name.h"

namespace sam3lab {
namespace {

// What rounding depends on beside model and input.
std::string context_of(const Cell& cell) {
  const auto& train = cell.experiment.train;
  return fmt::format("code {}\nLibTorch {}\n{}, {}, {}, {} threads{}", code_digest(), SAM3LAB_TORCH_VERSION, cell.device.name,
                     cpu_name(), at::get_cpu_capability(), train.threads, train.deterministic ? ", deterministic" : "");
}

}  // namespace

std::string CachedModules::text() const { return names.empty() ? "nothing is cached: " + reason : "cached: " + join(names); }

CachedModules cache_features(Backbone& model, const std::shared_ptr<FeatureStore>& store) {
  CachedModules cached{model.cache_features(store), ""};
  const auto parameters = model.parameters();
  if (!cached.names.empty()) return cached;
  cached.reason = std::ranges::all_of(parameters, [](const auto& entry) { return entry.second.requires_grad(); })
                      ? "every parameter trains"
                      : "each module that the backbone can cache holds or follows something that trains or was attached";
  return cached;
}

void open_features(Cell& cell) {
  const auto& train = cell.experiment.train;
  if (train.feature_cache.empty()) return;
  cell.set_features(std::make_shared<FeatureCache>(train.feature_cache,
                                                   static_cast<std::uint64_t>(train.feature_cache_gb * 1e9), context_of(cell)));
}

void cache_features(Cell& cell) {
  if (!cell.features) return;
  std::string text;
  for (const auto& replica : cell.model.replicas) text = cache_features(*replica, cell.features).text();
  cell.note("cache", text);
  cell.report({"cache", 0, 0, 0.0, text + fmt::format("; in {}", cell.features->folder().string())});
}

void record_features(Cell& cell) {
  if (!cell.features) return;
  const auto counts = cell.features->counts();
  auto text = cell.record.environment.at("cache") + fmt::format("; {} found, {} computed", counts.found, counts.missing);
  if (counts.not_kept > 0) text += fmt::format(", {} of them not cached: {}", counts.not_kept, counts.failure);
  cell.note("cache", std::move(text));
}

}  // namespace sam3lab
