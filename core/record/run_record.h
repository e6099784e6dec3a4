// What a run leaves behind: one HDF5 file (layout: results/README.md). Everything is held in memory and written anew at each
// commit to a file beside the result, closed, synced and renamed: a kill at any instant leaves the last commit whole.
#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sam3lab/api/metric_info.h>

namespace sam3lab {

// One update of the weights. `terms` holds every weighted loss term under its name.
struct StepRow {
  std::int64_t step = 0;
  double loss = 0.0;             // total, weighted
  double gradient_norm = 0.0;    // before clipping
  double seconds = 0.0;          // wall time of the step
  double peak_memory_mib = 0.0;  // largest resident set of the process so far
  std::map<std::string, double> terms;
  double rate_factor = 0.0;  // of the schedule: times a group's peak rate, its rate in this step
  double joules = std::numeric_limits<double>::quiet_NaN();  // of processor and device together; NaN: the machine does not tell
  double device_memory_mib = 0.0;                            // largest allocation on the device so far; 0: there is none
  double flops = 0.0;                                        // estimate for the step; 0: not estimated
};

// One parameter group that trains.
struct GroupRow {
  std::string name;            // begins with the module path
  double learning_rate = 0.0;  // peak
  double weight_decay = 0.0;
  std::int64_t tensors = 0, parameters = 0;
};

// One (sample, prompt) of one evaluation.
struct ScoreRow {
  std::string stage;  // "before", "after", "shuffled" (after training, prompts exchanged among those of the image)
  std::string item, label, prompt;
  bool present = false;   // the truth is not empty
  double confidence = 0;  // presence probability times the probability of the most confident object query
  bool fired = false;     // confidence reached the threshold
  std::int64_t true_pixels = 0, predicted_pixels = 0;
  // Of each metric NAME of the run: "NAME", of the prompt's own mask, which is empty if it did not fire; "NAME_ungated", of the
  // most confident mask whatever its confidence; "NAME_merged", after the merge. A value that is undefined is not there.
  std::map<std::string, double> metrics;
  std::string subject = {};                   // patient: rows of one subject are not independent
  std::string volume = {};                    // that the item is a slice of; empty: of none, or not known
  std::optional<double> slice_position = {};  // number of the slice in `volume`, from 0; unset: `volume` is empty
};

struct DatasetRecord {
  std::string modality, role, split_sha256;
  std::vector<std::string> labels, train_items, held_out_items, dropped_items;  // dropped: in the gap between the two
  std::map<std::string, std::string> file_sha256;                               // path as in the experiment -> SHA-256
  std::vector<ScoreRow> scores;
  // Of the split (Split::mode); empty in results of before these members: nothing is known of the subjects then.
  std::string split_mode = {};
  // Names of the subjects that the run trains on through this dataset (none where it trains nothing, or draws none of it), and
  // of those with held-out items. Ascending; equal names of two datasets are one subject.
  std::vector<std::string> train_subjects = {}, held_out_subjects = {};
};

struct PluginRecord {
  std::string slot, name, file, version, stamp;
};

struct RunRecord {
  std::string name, identity, code_version, resolved_toml, source_toml, protocol;
  std::string checkpoint_sha256;  // empty: seeded random weights
  std::int64_t seed = 0, parameters = 0, trainable_parameters = 0;
  std::map<std::string, std::string> environment;  // compiler, libtorch, device, threads, host cpu, started (UTC), "limit"...
  std::map<std::string, MetricInfo> metrics;       // by NAME: see ScoreRow::metrics
  std::vector<PluginRecord> plugins;
  std::vector<GroupRow> groups;
  std::vector<StepRow> steps;
  std::map<std::string, DatasetRecord> datasets;
  std::map<std::string, double> seconds;  // "total", "train", "evaluate_before", ...
  bool finished = false;
};

// What the metric says whose column of the scores this is: "NAME", "NAME_ungated" or "NAME_merged". Null: no metric of the run.
const MetricInfo* metric_of(const RunRecord& record, std::string_view column);

// Throws DataError (disk full, no permission); the previous commit stays untouched.
void write_record(const RunRecord& record, const std::filesystem::path& file);
// Throws DataError for a file that is missing, no HDF5, truncated or of another layout.
RunRecord read_record(const std::filesystem::path& file);

}  // namespace sam3lab
