#include "core/run/save_weights.h"

#include <ATen/ATen.h>

#include "core/base/atomic_file.h"
#include "core/config/saved_choice.h"
#include "core/tensor/safetensors.h"
#include "core/train/adapter.h"

namespace sam3lab {
namespace {

Metadata metadata_of(const Cell& cell) {
  return {{"format", "pt"}, {"sam3lab.identity", cell.record.identity}, {"sam3lab.name", cell.record.name}};
}

// Of the additions: where nothing trains, the experiment's own scheme had no part in them.
PluginChoice scheme_of(const Cell& cell) {
  if (cell.experiment.train.steps > 0) return cell.experiment.scheme;
  return saved_scheme(cell.experiment.checkpoint.adapter, cell.registry.catalogue());
}

void save_model(const Cell& cell) {
  auto& model = *cell.model.copies.front();
  Tensors weights;
  for (const auto& [name, tensor] : model.parameters()) weights[name] = tensor.detach();
  for (const auto& [name, tensor] : model.buffers()) weights[name] = tensor.detach();
  auto metadata = metadata_of(cell);
  metadata.erase("format");
  write_safetensors(cell.places.weights.string(), weights, metadata);
}

std::filesystem::path save_additions(const Cell& cell, const Tuning& tuning) {
  std::filesystem::create_directories(cell.places.adapter);
  Tensors added;
  for (const auto& [name, tensor] : tuning.added) added[name] = tensor.detach();
  for (const auto& [name, text] : tuning.added_files) {
    AtomicFile file((cell.places.adapter / name).string());
    file.write(text);
    file.commit();
  }
  const auto path = adapter_file(cell.places.adapter.string());
  auto metadata = metadata_of(cell);
  metadata[adapter_scheme] = write_choice(scheme_of(cell));
  metadata["sam3lab.base_sha256"] = cell.record.checkpoint_sha256;
  write_safetensors(path, added, metadata);
  return path;
}

}  // namespace

std::filesystem::path save_weights(const Cell& cell) {
  const auto* tuning = cell.tunings.empty() ? nullptr : &cell.tunings.front();
  if (tuning == nullptr || tuning->added.empty()) {
    save_model(cell);
    return cell.places.weights;
  }
  const auto path = save_additions(cell, *tuning);
  if (cell.experiment.checkpoint.merge) {
    tuning->merge(true);
    save_model(cell);
    tuning->merge(false);
  }
  return path;
}

}  // namespace sam3lab
