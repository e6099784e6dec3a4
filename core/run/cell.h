// One run while it goes on: what its phases share.
#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sam3lab/api/metric.h>

#include "core/run/run_paths.h"
#include "core/run/run_cell.h"
#include "core/run/run_lease.h"
#include "core/tensor/device.h"
#include "core/run/feature_cache.h"
#include "core/train/model.h"
#include "core/data/pool.h"
#include "core/distributed/ranks.h"
#include "core/train/trainable_set.h"

namespace sam3lab {

using Clock = std::chrono::steady_clock;
inline double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// What stays the same during a run.
struct RunContext {
  // Reads the tables of the data. No model is built.
  RunContext(const Experiment& experiment, std::int64_t seed, const Registry& registry, const RunRequest& request,
             ChosenDevice device);

  const Experiment& experiment;
  const std::int64_t seed;
  const Registry& registry;
  const RunRequest& request;
  const ChosenDevice device;
  const Pool pool;
  const std::map<std::string, std::shared_ptr<Metric>> metrics;

  void report(const Progress& progress) const {
    if (request.progress) request.progress(progress);
  }
  // DataError if the texts `mine` of the ranks differ.
  void compare_ranks(const std::string& what, const std::string& mine) const;
  [[nodiscard]] bool writes() const { return rank_of(request.ranks) == 0; }
  [[nodiscard]] bool asked_to_stop() const { return request.interrupted != nullptr && *request.interrupted; }
};

// One run while it goes on: its context, and the state that its phases change through the functions below.
class Cell : public RunContext {
  RunRecord record_;
  Model model_;
  std::vector<TrainableSet> trainable_sets_;
  std::shared_ptr<FeatureCache> features_;
  std::unique_ptr<RunLease> lease_;  // of rank 0, until the cell ends
  Clock::time_point started_ = Clock::now();
  double seconds_before_ = 0.0;  // of the run before it was resumed
  bool stopping_ = false;

 public:
  // Describes the run in its record. Its identity and paths are known then.
  Cell(const Experiment& experiment, std::int64_t seed, const Registry& registry, const RunRequest& request,
       ChosenDevice device);

  // The state, read only.
  const RunPaths paths;
  const RunRecord& record = record_;
  const Model& model = model_;
  const std::vector<TrainableSet>& trainable_sets = trainable_sets_;  // per replica; empty if nothing is attached or trains
  const std::shared_ptr<FeatureCache>& features = features_;          // null without a feature cache

  // Rank 0 holds the run from now on; RunLease says what it throws.
  void take_lease() { lease_ = std::make_unique<RunLease>(paths.lease); }
  // Before the first phase: the model, and what the scheme made of it. Records parameters and groups.
  void set_model(Model model, std::vector<TrainableSet> trainable_sets);
  void set_features(std::shared_ptr<FeatureCache> cache) { features_ = std::move(cache); }
  // Goes on with an unfinished run: takes over its rows up to `step`, its scores up to `epoch`, and its times.
  void resume(const RunRecord& unfinished, std::int64_t step, std::int64_t epoch);

  // Scores the model and adds the rows under `stage`. Adds nothing if it was interrupted. `internal_only` leaves out external
  // datasets; `limit` as in RunRequest.
  void evaluate(const std::string& stage, bool internal_only, std::int64_t limit);
  void add_step(StepRow row) { record_.steps.push_back(std::move(row)); }
  void set_seconds(const std::string& phase, double seconds) { record_.seconds[phase] = seconds; }
  void note(const std::string& key, std::string text) { record_.environment[key] = std::move(text); }
  void finish() { record_.finished = true; }
  void commit();  // rank 0 writes the record; DataError if another process has taken the run over
  [[nodiscard]] RunRecord take_record() { return std::move(record_); }

  // Asks all ranks whether a signal has come. interrupted() is the answer until the next call.
  void agree();
  [[nodiscard]] bool interrupted() const { return stopping_; }
};

}  // namespace sam3lab
