// The tables of an experiment file that belong to the program itself. Plugins bring the schemas of theirs.
#pragma once
#include <sam3lab/api/options.h>

#include "core/config/augment_options.h"
#include "core/config/data_options.h"
#include "core/config/train_options.h"

namespace sam3lab {

// `[evaluate]`: from predictions to scores.
struct EvaluateOptions {
  static constexpr double upstream_threshold = 0.5, upstream_confidence = 0.1;  // what the published evaluator has
  double threshold = 0.5, confidence = 0.5;
  std::string protocol = "strict", overlay_metric;
  bool external = true, overlays = true;

  template <class V>
  void visit(V&& v) {
    v("threshold", threshold, between(0, 1).about("probability from which a pixel belongs to a mask; upstream: above 0.5"));
    v("confidence", confidence, between(0, 1).about("score below which a predicted mask is dropped; upstream: kept above 0.1"));
    v("protocol", protocol,
      one_of({"strict", "upstream"})
          .about("strict scores every sample and prompt; a missed one counts 0; upstream is the published evaluator: it skips "
                 "samples without a target and fixes threshold and confidence"));
    v("overlay_metric", overlay_metric,
      about("name of a [metric.*] by which overlays are ranked; empty: best_metric, else the first by name"));
    v("external", external, about("also evaluate the datasets of role external"));
    v("overlays", overlays, about("write PNG overlays of the best, median and worst case of each prompt"));
  }
};

// `[record]`: where results go and what is kept. Nothing here changes a figure, and none of it is part of a run's identity.
struct RecordOptions {
  std::string folder;
  std::int64_t checkpoint_every = 1, checkpoint_steps = 0, keep = 0;

  template <class V>
  void visit(V&& v) {
    v("folder", folder, Limits().path().about("of the result files; empty: results/NAME below the current folder"));
    v("checkpoint_every", checkpoint_every,
      at_least(0).unit("epochs").about("between two training checkpoints, from which --resume goes on; 0: only on a signal"));
    v("checkpoint_steps", checkpoint_steps,
      at_least(0).unit("steps").about("the same, counted in steps; 0: whole epochs alone"));
    v("keep", keep, at_least(0).about("training checkpoints that stay when the run is finished, newest first"));
  }
};

// `[checkpoint]`: weights to start from, and the form of those that a run leaves.
struct CheckpointOptions {
  std::string load, adapter;
  bool allow_missing = false, merge = false;

  template <class V>
  void visit(V&& v) {
    v("load", load, Limits().path().about(".pt or .safetensors file; empty: seeded random weights"));
    v("adapter", adapter,
      Limits().path().about("folder of what a scheme added to these weights in an earlier run (STEM-adapter): to evaluate, or "
                            "to train on with the same scheme; empty: none"));
    v("allow_missing", allow_missing, about("start parameters that the file lacks from random weights"));
    v("merge", merge,
      about("where a scheme adds parameters: also write the whole model, with the additions merged into its weights"));
  }
};

}  // namespace sam3lab
