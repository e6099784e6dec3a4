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

// Of the adapter that is saved. Where nothing trains, it came from checkpoint.adapter and not from the experiment's scheme.
PluginChoice scheme_of(const Cell& cell) {
  if (cell.experiment.train.steps > 0) return cell.experiment.scheme;
  return saved_scheme(cell.experiment.checkpoint.adapter, cell.registry.catalogue());
}

void save_model(const Cell& cell) {
  auto& model = *cell.model.replicas.front();
  Tensors weights;
  for (const auto& [name, tensor] : model.parameters()) weights[name] = tensor.detach();
  for (const auto& [name, tensor] : model.buffers()) weights[name] = tensor.detach();
  auto metadata = metadata_of(cell);
  metadata.erase("format");
  write_safetensors(cell.paths.weights.string(), weights, metadata);
}

std::filesystem::path save_adapter(const Cell& cell, const TrainableSet& trainable) {
  std::filesystem::create_directories(cell.paths.adapter);
  Tensors added;
  for (const auto& [name, tensor] : trainable.added) added[name] = tensor.detach();
  for (const auto& [name, text] : trainable.added_files) {
    AtomicFile file((cell.paths.adapter / name).string());
    file.write(text);
    file.commit();
  }
  const auto path = adapter_file(cell.paths.adapter.string());
  auto metadata = metadata_of(cell);
  metadata[adapter_scheme] = write_choice(scheme_of(cell));
  metadata["sam3lab.base_sha256"] = cell.record.checkpoint_sha256;
  write_safetensors(path, added, metadata);
  return path;
}

}  // namespace

std::filesystem::path save_weights(const Cell& cell) {
  const auto* trainable = cell.trainable_sets.empty() ? nullptr : &cell.trainable_sets.front();
  if (trainable == nullptr || trainable->added.empty()) {
    save_model(cell);
    return cell.paths.weights;
  }
  const auto path = save_adapter(cell, *trainable);
  if (cell.experiment.checkpoint.merge) {
    trainable->merge(true);
    save_model(cell);
    trainable->merge(false);
  }
  return path;
}

}  // namespace sam3lab
