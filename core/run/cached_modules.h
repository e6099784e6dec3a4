// `train.feature_cache` of a run: which modules of its model are computed once per input, and how often that saved work.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <sam3lab/api/backbone.h>

namespace sam3lab {

class Cell;

struct CachedModules {
  std::vector<std::string> names;
  std::string reason;                      // why there are none
  [[nodiscard]] std::string text() const;  // "cached: image encoder, text encoder", "nothing is cached: REASON"
};

// Backbone::cache_features, with the reason where that caches nothing.
CachedModules cache_features(Backbone& model, const std::shared_ptr<FeatureStore>& store);

// Opens the folder, if one is named. DataError if it cannot be written.
void open_features(Cell& cell);
// All replicas of the model use the cache from now on; progress and record say for which modules.
void cache_features(Cell& cell);
void record_features(Cell& cell);  // how many entries were found and computed

}  // namespace sam3lab
