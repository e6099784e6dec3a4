// The optimiser loop over one pool with one model.
#pragma once
#include <memory>
#include <vector>

#include <sam3lab/api/backbone.h>

#include "core/config/experiment.h"
#include "core/record/run_record.h"
#include "core/train/adamw.h"
#include "core/train/augment.h"
#include "core/train/criterion.h"
#include "core/train/pool.h"
#include "core/train/sampler.h"
#include "core/train/schedule.h"

namespace sam3lab {

class Trainer {
 public:
  // `copies` share their weights. Each works on its share of a step's images in a thread of its own, and the gradients are
  // averaged, as data-parallel training over so many processes does; the number of boxes that losses are divided by is the mean
  // over copies.
  Trainer(const Experiment& experiment, const Pool& pool, std::vector<std::shared_ptr<Backbone>> copies,
          const Criterion& criterion, std::vector<ParameterGroup> groups, std::uint64_t seed);

  // One update. Throws NumericError for a loss or gradient that is not finite; the weights are then those of the step before.
  StepRow step();
  [[nodiscard]] std::int64_t done() const { return done_; }

 private:
  struct Share {
    Batch batch;
    CriterionResult result;
  };
  std::vector<Share> draw();
  void backward(Backbone& model, Share& share, double num_boxes) const;
  void average_gradients();
  [[nodiscard]] StepRow describe(const std::vector<Share>& shares) const;

  const Experiment& experiment_;
  const Pool& pool_;
  std::vector<std::shared_ptr<Backbone>> copies_;
  const Criterion& criterion_;
  AdamW optimiser_;
  Schedule schedule_;
  Sampler sampler_;
  Random random_;
  std::int64_t done_ = 0;
};

}  // namespace sam3lab
