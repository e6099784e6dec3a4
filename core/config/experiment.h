// An experiment file after reading: merged, checked and typed. Every value in here has passed its schema.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/config/tables.h"

namespace sam3lab {

// Which plugin fills a place of the experiment, and how.
struct PluginChoice {
  std::string slot;      // "loss"
  std::string key;       // table name: "box" of [loss.box]; empty for [backbone] and [scheme]
  std::string use;       // plugin name
  OptionValues options;  // what the plugin is made from: its defaults, then the file's values; paths are resolved
  std::string where;     // "experiments/a.toml:14", for later errors about this choice
};

struct DatasetChoice : PluginChoice {
  DatasetOptions common;
};

struct Experiment {
  std::string name;                 // the file's stem where it says none
  std::vector<std::int64_t> seeds;  // at least one, all different, none negative

  PluginChoice backbone;
  PluginChoice scheme;                                           // `use` is empty where nothing trains (train.steps = 0)
  std::map<std::string, PluginChoice> matchers;                  // "one_to_one", and "one_to_many" where it is on
  std::map<std::string, PluginChoice> losses, prompts, metrics;  // by table name; those with use = "none" are left out
  std::map<std::string, DatasetChoice> datasets;

  TrainOptions train;
  AugmentOptions augment;
  EvaluateOptions evaluate;
  DataOptions data;
  SplitOptions split;
  RecordOptions record;
  CheckpointOptions checkpoint;

  std::vector<std::pair<std::string, std::string>> cell;  // what this cell of the grid sets: dotted key, value as TOML

  std::filesystem::path file;                  // as it was given
  std::vector<std::filesystem::path> parents;  // every file that `extends` led to, first merged first
  std::string source_text;                     // of `file`, byte by byte
  std::string resolved_toml;                   // everything, defaults included; paths are relative to the folder of `file`
  // SHA-256 (hex) of resolved_toml without name, seeds, [record] and what only describes a dataset (licence, source): the same
  // settings have the same identity under any name, in any folder, on any machine. A run adds its seed, the splits and the code
  // version.
  std::string identity;
};

}  // namespace sam3lab
