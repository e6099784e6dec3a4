// The tables of an experiment file that belong to the program itself. Plugins bring the schemas of theirs.
#pragma once
#include <sam3lab/api/options.h>

namespace sam3lab {

// `[train]`: the optimiser loop. A step is one update of the weights, an epoch is `steps_per_epoch` of them.
struct TrainOptions {
  std::int64_t steps = 0, steps_per_epoch = 100, images_per_step = 1;
  double learning_rate = 1e-4, weight_decay = 0.1;
  Numbers betas = {0.9, 0.999};
  double epsilon = 1e-8, clip_norm = 0.1;
  std::string schedule = "inverse_square_root";
  std::int64_t warmup_steps = 20, cooldown_steps = 20, timescale = 20, threads = 1, copies = 1;
  bool evaluate_before = true;
  double one_to_many_weight = 2.0;
  bool one_to_many_on_auxiliary = false;

  template <class V>
  void visit(V&& v) {
    v("steps", steps, at_least(0).about("updates of the weights; 0 only evaluates"));
    v("steps_per_epoch", steps_per_epoch, at_least(1).about("updates after which the record is committed"));
    v("images_per_step", images_per_step, at_least(1).about("images in each update"));
    v("learning_rate", learning_rate, more_than(0).about("peak rate, which the scheme scales for each group"));
    v("weight_decay", weight_decay, at_least(0).about("decoupled decay of AdamW"));
    v("betas", betas, at_least(0).less_than(1).length(2).about("decay of AdamW's first and second moment"));
    v("epsilon", epsilon, more_than(0).about("added to AdamW's denominator"));
    v("clip_norm", clip_norm, at_least(0).about("largest norm of all gradients together; 0 does not clip"));
    v("schedule", schedule, one_of({"inverse_square_root", "cosine", "constant"}).about("course of the rate after warm-up"));
    v("warmup_steps", warmup_steps, at_least(0).unit("steps").about("linear rise of the rate from zero"));
    v("cooldown_steps", cooldown_steps, at_least(0).unit("steps").about("linear fall of the rate to zero at the end"));
    v("timescale", timescale, at_least(1).unit("steps").about("of the inverse square root"));
    v("threads", threads, at_least(1).at_most(1024).about("threads of LibTorch; more are slower on small tensors"));
    v("copies", copies, at_least(1).at_most(64).about("copies of the model that share its weights and work side by side"));
    v("evaluate_before", evaluate_before, about("also evaluate the weights that training starts from"));
    v("one_to_many_weight", one_to_many_weight, at_least(0).about("weight of the losses of one-to-many queries"));
    v("one_to_many_on_auxiliary", one_to_many_on_auxiliary,
      about("match one-to-many queries of earlier decoder layers with matcher.one_to_many, not matcher.one_to_one"));
  }
};

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
  double threshold = 0.5, confidence = 0.5;
  std::string protocol = "strict";
  bool external = true, overlays = true;

  template <class V>
  void visit(V&& v) {
    v("threshold", threshold, between(0, 1).about("probability from which a pixel belongs to a mask"));
    v("confidence", confidence, between(0, 1).about("score below which a predicted mask is dropped"));
    v("protocol", protocol, one_of({"strict"}).about("strict scores every sample and prompt; a missed one counts 0"));
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

// `[record]`: where results go.
struct RecordOptions {
  std::string folder;

  template <class V>
  void visit(V&& v) {
    v("folder", folder, Limits().path().about("of the result files; empty: results/NAME below the current folder"));
  }
};

// `[checkpoint]`: weights to start from.
struct CheckpointOptions {
  std::string load;
  bool allow_missing = false;

  template <class V>
  void visit(V&& v) {
    v("load", load, Limits().path().about(".pt or .safetensors file; empty: seeded random weights"));
    v("allow_missing", allow_missing, about("start parameters that the file lacks from random weights"));
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
