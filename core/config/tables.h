// The tables of an experiment file that belong to the program itself. Plugins bring the schemas of theirs.
#pragma once
#include <sam3lab/api/options.h>

#include "core/config/train_options.h"

namespace sam3lab {

// `[augment]`: random changes of a training image and its masks together; everything 0 leaves the image as it is.
struct AugmentOptions {
  double rotate_degrees = 0.0, scale = 0.0, shift = 0.0, brightness = 0.0, contrast = 0.0, noise = 0.0, flip = 0.0;

  template <class V>
  void visit(V&& v) {
    v("rotate_degrees", rotate_degrees, between(0, 180).unit("degrees").about("largest rotation either way"));
    v("scale", scale, at_least(0).less_than(1).about("largest relative change of size either way"));
    v("shift", shift, at_least(0).less_than(1).about("largest shift either way, as a fraction of the side"));
    v("brightness", brightness, between(0, 1).about("largest shift of intensity either way, as a fraction of the range"));
    v("contrast", contrast, at_least(0).less_than(1).about("largest relative change of contrast either way"));
    v("noise", noise, between(0, 1).about("largest standard deviation of added noise, as a fraction of the range"));
    v("flip", flip, between(0, 1).about("probability of a left-right flip; leave at 0 where a prompt says left or right"));
  }
};

// `[evaluate]`: from predictions to scores.
struct EvaluateOptions {
  static constexpr double upstream_threshold = 0.5, upstream_confidence = 0.1;  // what the published evaluator has
  double threshold = 0.5, confidence = 0.5;
  std::string protocol = "strict";
  bool external = true, overlays = true;

  template <class V>
  void visit(V&& v) {
    v("threshold", threshold, between(0, 1).about("probability from which a pixel belongs to a mask; upstream: above 0.5"));
    v("confidence", confidence, between(0, 1).about("score below which a predicted mask is dropped; upstream: kept above 0.1"));
    v("protocol", protocol,
      one_of({"strict", "upstream"})
          .about("strict scores every sample and prompt; a missed one counts 0; upstream is the published evaluator: it skips "
                 "samples without a target and fixes threshold and confidence"));
    v("external", external, about("also evaluate the datasets of role external"));
    v("overlays", overlays, about("write PNG overlays of the best, median and worst case of each prompt"));
  }
};

// `[split]`: which items are held out of training. Whole blocks of neighbours, so that no slice trains beside its twin.
struct SplitOptions {
  double held_out = 0.15;
  std::int64_t seed = 0, blocks = 1;
  std::string mode = "auto";

  template <class V>
  void visit(V&& v) {
    v("held_out", held_out, more_than(0).less_than(1).about("fraction of the items of each subject"));
    v("seed", seed, at_least(0).about("places the blocks; independent of the seeds of the runs"));
    v("blocks", blocks, at_least(1).about("held-out blocks in each subject"));
    v("mode", mode,
      one_of({"auto", "block", "subject"})
          .about("hold out blocks of each subject, or whole subjects; auto: subjects where a dataset has 7 or more"));
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
  std::string load;
  bool allow_missing = false, merge = false;

  template <class V>
  void visit(V&& v) {
    v("load", load, Limits().path().about(".pt or .safetensors file; empty: seeded random weights"));
    v("allow_missing", allow_missing, about("start parameters that the file lacks from random weights"));
    v("merge", merge,
      about("where a scheme adds parameters: also write the whole model, with the additions merged into its weights"));
  }
};

// Keys of every `[dataset.NAME]` beside the plugin's own.
struct DatasetOptions {
  std::string role = "internal", modality;
  double sampling_weight = 1.0;

  template <class V>
  void visit(V&& v) {
    v("role", role, one_of({"internal", "external"}).about("external is evaluated and never trained on"));
    v("modality", modality, Limits().required().about("ct, mri, ...: concepts of other modalities serve as negatives"));
    v("sampling_weight", sampling_weight,
      at_least(0).about("how often its images are drawn in training, relative to the others"));
  }
};

}  // namespace sam3lab
