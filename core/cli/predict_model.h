// Which model a checkpoint belongs to, when no experiment is run.
#pragma once
#include <string>
#include <vector>

#include "core/registry/registry.h"

namespace sam3lab {

struct ModelRequest {
  std::string checkpoint;
  std::string model;              // experiment (.toml) or result (.h5) that has its sizes; empty: see below
  std::string adapter;            // folder of what a scheme added to it; empty: none
  std::vector<std::string> sets;  // "backbone.size=tiny"
  Tensors tensors = {};           // of the checkpoint
};

struct ChosenModel {
  PluginChoice backbone;
  std::string from;  // in words
};

// The sizes: of `model`; else of the result that lies beside the checkpoint, or beside the adapter, under the same name, as
// `sam3lab run` leaves them; else those that the backbone tells from the checkpoint's shapes. `sets` go over each.
// UsageError, DataError.
ChosenModel choose_model(const Registry& registry, const ModelRequest& request);

}  // namespace sam3lab
