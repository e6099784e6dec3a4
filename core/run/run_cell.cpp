#include "core/run/run_cell.h"

#include <cstdlib>
#include <optional>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/config/check_metrics.h"
#include "core/eval/evaluate.h"
#include "core/run/cell.h"
#include "core/run/cell_device.h"
#include "core/run/cached_modules.h"
#include "core/run/out_of_memory.h"
#include "core/run/overlays.h"
#include "core/run/save_weights.h"
#include "core/run/training_phase.h"
#include "core/train/adapter.h"

namespace sam3lab {
namespace {

class CellRun {
 public:
  CellRun(const Experiment& experiment, std::int64_t seed, const Registry& registry, const RunRequest& request,
          ChosenDevice device)
      : cell_(experiment, seed, registry, request, std::move(device)), folder_(cell_.paths.checkpoints) {
    outcome_.result = cell_.paths.result;
    outcome_.weights = cell_.paths.weights;
  }

  RunOutcome run() {
    const bool finished = finished_before() || (hold() && finished_before());
    cell_.compare_ranks("run", fmt::format("identity {}, {}", cell_.record.identity, finished ? "finished" : "not finished"));
    if (finished) {
      if (cell_.writes()) folder_.prune(cell_.experiment.record.keep);  // the run may have been killed right before
      return std::move(outcome_);
    }
    cell_.report({"device", 0, 0, 0.0, cell_.device.text()});
    const bool trains = cell_.experiment.train.steps > 0;
    // The plan is checked on the model before anything that is there is touched.
    with_out_of_memory_hint("the model", [&] { make_model_and_trainable_sets(trains); });
    find_unfinished();
    cell_.compare_ranks("training checkpoint", fmt::format("step {}", outcome_.resumed));
    cell_.commit();
    cell_.agree();
    if (!trains) {
      evaluate("after");
    } else {
      if (cell_.experiment.train.evaluate_before && !evaluated_before()) evaluate("before");
      if (!cell_.interrupted()) TrainingPhase(cell_, std::move(checkpoint_)).run();
      if (!cell_.interrupted()) evaluate("after");
    }
    outcome_.interrupted = cell_.interrupted();
    if (!outcome_.interrupted && cell_.writes()) finish();
    cell_.commit();
    if (!outcome_.interrupted && cell_.writes()) folder_.prune(cell_.experiment.record.keep);
    if (cell_.request.ranks != nullptr) cell_.request.ranks->barrier();  // the others hear of it if rank 0 could not write
    outcome_.record = cell_.take_record();
    return std::move(outcome_);
  }

 private:
  // One process at a time works on a run. What it left when it died is taken over; what it finished meanwhile is looked at
  // again.
  bool hold() {
    if (!cell_.writes()) return false;
    std::filesystem::create_directories(cell_.request.folder);
    cell_.take_lease();
    return true;
  }

  bool finished_before() {
    if (!std::filesystem::exists(outcome_.result)) return false;
    auto earlier = read_record(outcome_.result);
    if (earlier.identity != cell_.record.identity) return false;
    if (!earlier.finished) {
      unfinished_ = std::move(earlier);
      return false;
    }
    outcome_.record = std::move(earlier);
    const auto overview = cell_.paths.overlays / "overview.png",
               adapter = std::filesystem::path(adapter_file(cell_.paths.adapter));
    if (std::filesystem::exists(overview)) outcome_.overview = overview;
    if (std::filesystem::exists(adapter)) outcome_.weights = adapter;
    outcome_.earlier = true;
    return true;
  }

  void make_model_and_trainable_sets(bool trains) {
    const auto seed = static_cast<std::uint64_t>(cell_.seed);
    const auto& experiment = cell_.experiment;
    if (trains) open_features(cell_);
    auto model = make_model(experiment, cell_.registry, seed, experiment.train.replicas, cell_.device.device);
    std::vector<TrainableSet> trainable;
    if (trains) {
      trainable = make_trainable_sets(model, experiment, cell_.registry, seed);
    } else if (!experiment.checkpoint.adapter.empty()) {
      trainable = attach_adapters(model, experiment, cell_.registry);
    }
    cell_.set_model(std::move(model), std::move(trainable));
    if (trains) cache_features(cell_);
  }

  void find_unfinished() {
    if (!cell_.request.resume && !cell_.writes()) return;
    if (!cell_.request.resume) {
      if (const auto step = set_aside(cell_.paths); step > 0) {
        cell_.report({"start over", 0, 0, 0.0,
                      fmt::format("an unfinished run was at step {}; it is set aside as {}.old (--resume goes on with it)",
                                  step, cell_.paths.result.filename().string())});
      }
      return;
    }
    checkpoint_ = folder_.newest(cell_.record.identity);
    if (!unfinished_) {
      if (!checkpoint_ && cell_.experiment.cell.empty()) refuse_other_settings(cell_.paths, cell_.record);
      return;
    }
    const auto step = checkpoint_ ? checkpoint_->trainer.step : 0;
    const auto evaluated = checkpoint_ ? checkpoint_->selection.evaluated : 0;
    cell_.resume(*unfinished_, step, evaluated / cell_.experiment.train.steps_per_epoch);
    outcome_.resumed = step;
    cell_.report({"resume", step, cell_.experiment.train.steps, 0.0, ""});
  }

  [[nodiscard]] bool evaluated_before() const { return cell_.record.seconds.contains("evaluate_before"); }

  void evaluate(const std::string& stage) {
    cell_.evaluate(stage, false, cell_.request.limit);
    cell_.commit();
  }

  void finish() {
    const auto start = Clock::now();
    outcome_.weights = save_weights(cell_);
    if (cell_.experiment.evaluate.overlays) {
      const Evaluator evaluator(cell_.experiment, cell_.pool, cell_.metrics);
      outcome_.overview = draw_overlays(cell_.record, overlay_metric(cell_.experiment), evaluator,
                                        *cell_.model.replicas.front(), cell_.paths.overlays);
    }
    cell_.set_seconds("overlays", since(start));
    record_features(cell_);
    cell_.finish();
  }

  Cell cell_;
  CheckpointFolder folder_;
  std::optional<RunRecord> unfinished_;
  std::optional<TrainingCheckpoint> checkpoint_;
  RunOutcome outcome_;
};

// LibTorch's settings belong to the process. They are set for this cell and restored afterwards.
class Settings {
 public:
  Settings(const TrainOptions& train, c10::Device device) : strict_(at::globalContext().deterministicAlgorithms()) {
    at::set_num_threads(static_cast<int>(train.threads));
    if (!train.deterministic) return;
    if (device.is_cuda()) ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);  // cuBLAS reads it when it starts
    at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
    at::globalContext().setDeterministicFillUninitializedMemory(false);  // nothing here reads memory before it writes it
    at::globalContext().setDeterministicCuDNN(true);
  }
  ~Settings() { at::globalContext().setDeterministicAlgorithms(strict_, false); }
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

 private:
  bool strict_;
};

}  // namespace

RunOutcome run_cell(const Experiment& experiment, std::int64_t seed, const Registry& registry, const RunRequest& request) {
  if (const auto ranks = size_of(request.ranks); experiment.train.steps > 0 && experiment.train.images_per_step < ranks) {
    throw UsageError(Fault{"train.images_per_step", "leaves processes without an image",
                           fmt::format("{} images a step for {} processes", experiment.train.images_per_step, ranks),
                           "an image for each process", "raise it, or start fewer processes"});
  }
  auto device = device_of_cell(experiment.train, request.ranks);
  const Settings settings(experiment.train, device.device);
  return CellRun(experiment, seed, registry, request, std::move(device)).run();
}

}  // namespace sam3lab
