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

struct Cell {
  // Reads the data's tables and describes the run: its record, identity and places are known then. No model is built.
  Cell(const Experiment& experiment, std::int64_t seed, const Registry& registry, const RunRequest& request,
       ChosenDevice device);

  const Experiment& experiment;
  std::int64_t seed;
  const Registry& registry;
  const RunRequest& request;
  ChosenDevice device;
  Pool pool;
  std::map<std::string, std::shared_ptr<Metric>> metrics;
  Clock::time_point started = Clock::now();
  double seconds_before = 0.0;  // of the run until it was resumed
  RunRecord record;
  RunPaths paths;
  std::unique_ptr<RunLease> lease;  // of rank 0, until the cell ends
  Model model;
  std::vector<TrainableSet> trainable_sets;  // one a copy; empty where nothing trains
  std::shared_ptr<FeatureCache> features;    // [train] cache, where it is set and something trains

  // Scores the model as it is and adds the rows under `stage`; none if it was interrupted. `internal_only` leaves out external
  // datasets, `limit` as in RunRequest.
  void evaluate(const std::string& stage, bool internal_only, std::int64_t limit);
  void commit();  // rank 0; DataError if another process has taken the run over
  void report(const Progress& progress) const {
    if (request.progress) request.progress(progress);
  }
  // Do the ranks go on? Asks all of them whether a signal has come; until it is asked again, interrupted() is what was found.
  void agree();
  [[nodiscard]] bool interrupted() const { return stopping_; }
  // DataError if the ranks do not all say the same.
  void compare_ranks(const std::string& what, const std::string& mine) const;
  [[nodiscard]] bool writes() const { return rank_of(request.ranks) == 0; }
  [[nodiscard]] bool asked_to_stop() const { return request.interrupted != nullptr && *request.interrupted; }

 private:
  bool stopping_ = false;
};

}  // namespace sam3lab
