// `[train]`: the optimiser loop.
#pragma once
#include <sam3lab/api/options.h>

namespace sam3lab {

// A step is one update of the weights, an epoch is `steps_per_epoch` of them.
struct TrainOptions {
  std::int64_t steps = 0, steps_per_epoch = 100, images_per_step = 1, accumulate = 1;
  double learning_rate = 1e-4, weight_decay = 0.1;
  Numbers betas = {0.9, 0.999};
  double epsilon = 1e-8, clip_norm = 0.1;
  std::string schedule = "inverse_square_root";
  std::int64_t warmup_steps = 20, cooldown_steps = 20, timescale = 20;
  Texts constant_rate;
  double ema_decay = 0.0;
  std::string device = "auto", precision = "float32", memory = "exact";
  double loss_scale = 1024.0;
  std::int64_t loss_scale_interval = 2000;
  std::int64_t threads = 1, replicas = 1, workers = 1;
  bool deterministic = false, shard_optimizer = false;
  std::string feature_cache;
  double feature_cache_gb = 20.0;
  bool evaluate_before = true;
  std::string best_metric;
  std::int64_t evaluate_every = 1, evaluate_items = 0, early_stop_epochs = 0;
  double one_to_many_weight = 2.0;
  bool one_to_many_on_auxiliary = false, local_boxes = false;

  template <class V>
  void visit(V&& v) {
    v("steps", steps, at_least(0).about("updates of the weights; 0 only evaluates"));
    v("steps_per_epoch", steps_per_epoch, at_least(1).about("updates after which the record is committed"));
    v("images_per_step", images_per_step, at_least(1).about("images in each update"));
    v("accumulate", accumulate,
      at_least(1).about("parts of a step's images that are worked through one after another (gradient accumulation): less "
                        "memory, the same update, one more forward pass"));
    visit_optimiser(v);
    visit_machine(v);
    visit_evaluations(v);
    v("one_to_many_weight", one_to_many_weight, at_least(0).about("weight of the losses of one-to-many queries"));
    v("one_to_many_on_auxiliary", one_to_many_on_auxiliary,
      about("match one-to-many queries of earlier decoder layers with matcher.one_to_many, not matcher.one_to_one"));
    v("local_boxes", local_boxes,
      about("divide the losses of each copy by its own number of targets, not by the mean over all replicas and processes"));
  }

 private:
  template <class V>
  void visit_optimiser(V&& v) {
    v("learning_rate", learning_rate, more_than(0).about("peak rate, which the scheme scales for each group"));
    v("weight_decay", weight_decay, at_least(0).about("decoupled decay of AdamW"));
    v("betas", betas, at_least(0).less_than(1).length(2).about("decay of AdamW's first and second moment"));
    v("epsilon", epsilon, more_than(0).about("added to AdamW's denominator"));
    v("clip_norm", clip_norm, at_least(0).about("largest norm of all gradients together; 0 does not clip"));
    v("schedule", schedule, one_of({"inverse_square_root", "cosine", "constant"}).about("course of the rate after warm-up"));
    v("warmup_steps", warmup_steps, at_least(0).unit("steps").about("linear rise of the rate from zero"));
    v("cooldown_steps", cooldown_steps, at_least(0).unit("steps").about("linear fall of the rate to zero at the end"));
    v("timescale", timescale, at_least(1).unit("steps").about("of the inverse square root"));
    v("constant_rate", constant_rate,
      about("shell patterns of parameters that keep their peak rate in every step, warm-up and cool-down included, e.g. "
            "\"encoder.*\"; the scheme must give them a rate of their own"));
    v("ema_decay", ema_decay,
      at_least(0).less_than(1).about("decay a step of an exponential moving average of the weights, which is evaluated and "
                                     "saved in their place; 0: none"));
  }

  template <class V>
  void visit_machine(V&& v) {
    v("device", device,
      about(
          "auto, cpu, cuda or cuda:N: where the model computes; auto: a GPU that can be used, else the CPU; several processes "
          "take a GPU each"));
    v("precision", precision,
      one_of({"float32", "bfloat16", "float16"})
          .about("type of matrix products and activations (autocast); weights, moments and losses stay float32"));
    v("loss_scale", loss_scale,
      at_least(1).about("float16: first factor of the loss; halved when a gradient overflows, and the step computed again"));
    v("loss_scale_interval", loss_scale_interval,
      at_least(1).unit("steps").about("float16: steps without overflow after which the factor doubles"));
    v("memory", memory,
      one_of({"exact", "fast", "disk", "lean"})
          .about("exact: recomputes activations as the backbone's options say; fast: keeps most of them; disk: as fast, and "
                 "AdamW's moments wait in a file beside the results while activations need their memory; lean: keeps few, and "
                 "moments in bfloat16 with stochastic rounding. An option of [backbone] about activations goes before it"));
    v("threads", threads, at_least(1).at_most(1024).about("threads of LibTorch; more are slower on small tensors"));
    v("replicas", replicas,
      at_least(1).at_most(64).formerly("copies").about(
          "replicas of the model on the CPU: they share its weights, and each works on its own images in its own thread"));
    v("workers", workers,
      at_least(0).at_most(256).about("threads that read and augment coming images; the images are the same for any number"));
    v("deterministic", deterministic,
      about("refuse algorithms of LibTorch that may give other bits the next time; slower on a GPU"));
    v("shard_optimizer", shard_optimizer,
      about("with several processes each keeps AdamW's moments of its part of the weights (ZeRO-1)"));
    v("feature_cache", feature_cache,
      Limits().path().formerly("cache").about(
          "folder for what frozen modules compute, so that each image, text and prompt is computed once; runs may share it; "
          "empty: none"));
    v("feature_cache_gb", feature_cache_gb,
      more_than(0)
          .unit("GB")
          .formerly("cache_gb")
          .about("most that lies in that folder; what was used longest ago goes first"));
  }

  template <class V>
  void visit_evaluations(V&& v) {
    v("evaluate_before", evaluate_before, about("also evaluate the weights that training starts from"));
    v("best_metric", best_metric,
      about("name of a [metric.*]: the weights with its best mean over the held-out internal items are kept; empty: the last"));
    v("evaluate_every", evaluate_every, at_least(1).unit("epochs").about("between two evaluations for best_metric"));
    v("evaluate_items", evaluate_items,
      at_least(0).about("at most so many held-out items of each internal dataset in such an evaluation; 0: all"));
    v("early_stop_epochs", early_stop_epochs,
      at_least(0).unit("epochs").about("without a better best_metric end training; 0: never"));
  }
};

}  // namespace sam3lab
