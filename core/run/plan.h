// What a run would do and cost, without doing any of it: no weight is read or made, no step is taken.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/config/experiment.h"
#include "core/run/cached_modules.h"
#include "core/record/run_record.h"
#include "core/registry/registry.h"

namespace sam3lab {

// A file that the experiment names and this machine lacks.
struct MissingFile {
  std::string what, path;  // "dataset chest_ct, image"
};

struct PlannedDataset {
  std::string name, modality, role;
  bool found = false;  // the rest is known
  std::int64_t train = 0, held_out = 0, dropped = 0;
  std::int64_t empty = 0;        // of train and held_out: images without any label
  bool empty_estimated = false;  // from a sample of them
  double sampling_weight = 1.0;  // in training; 0: it is only scored
};

struct DataPlan {
  std::vector<PlannedDataset> datasets;
  std::vector<MissingFile> missing;
};

struct ModelPlan {
  std::int64_t parameters = 0, buffers = 0, trainable = 0, added = 0;  // elements, not tensors
  std::vector<GroupRow> groups;                                        // what trains
  std::vector<GroupRow> frozen;                                        // what does not, by module
  CachedModules cached;                                                // of train.feature_cache, if that is set
};

// Bytes of a process with one replica's weights, without activations and temporaries.
struct MemoryPlan {
  double weights = 0.0, gradients = 0.0, moments = 0.0, average = 0.0;
  [[nodiscard]] double sum() const { return weights + gradients + moments + average; }
};

// Bytes per run.
struct DiskPlan {
  double result_weights = 0.0;       // what it leaves: the whole model, or what the scheme added
  double training_checkpoint = 0.0;  // one; while a new one is written there are two
  double moments = 0.0;              // train.memory = "disk": beside the results while a run trains
};

// From a result of the same settings that lies in the result folder.
struct MeasuredCost {
  std::string result;
  double step_seconds = 0.0, other_seconds = 0.0;  // median of a step; everything but training
  double peak_memory_mib = 0.0;
};

struct CellPlan {
  const Experiment* experiment = nullptr;
  DataPlan data;
  ModelPlan model;
  std::vector<MissingFile> missing;  // of data and checkpoint
  MemoryPlan memory;
  DiskPlan disk;
  std::optional<MeasuredCost> measured;
};

class Planner {
 public:
  explicit Planner(const Registry& registry) : registry_(registry) {}
  // Cells that share model and scheme, or data, share that work. `folder`: of results, for what was measured. Throws UsageError
  // for faults of the experiment that show only against model or data, and DataError for data that are there and damaged.
  CellPlan plan(const Experiment& experiment, const std::string& folder);

 private:
  const Registry& registry_;
  std::map<std::string, ModelPlan> models_;
  std::map<std::string, DataPlan> data_;
};

}  // namespace sam3lab
