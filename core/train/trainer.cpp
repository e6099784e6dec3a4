#include "core/train/trainer.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <map>
#include <thread>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>

namespace sam3lab {
namespace {

Schedule schedule_of(const TrainOptions& train) {
  return {train.schedule, train.steps, train.warmup_steps, train.cooldown_steps, train.timescale};
}

double peak_memory_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

// Runs `work(i)` for each i, the first here and the others in threads of their own; the first exception comes out.
template <class Work>
void side_by_side(std::size_t count, const Work& work) {
  std::vector<std::exception_ptr> failures(count);
  const int inner = at::get_num_threads();
  const auto guarded = [&](std::size_t i) {
    try {
      at::set_num_threads(inner);  // OpenMP keeps this number for each thread apart
      work(i);
    } catch (...) {
      failures[i] = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < count; ++i) threads.emplace_back(guarded, i);
  guarded(0);
  for (auto& thread : threads) thread.join();
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace

Trainer::Trainer(const Experiment& experiment, const Pool& pool, std::vector<std::shared_ptr<Backbone>> copies,
                 const Criterion& criterion, std::vector<ParameterGroup> groups, std::uint64_t seed)
    : experiment_(experiment),
      pool_(pool),
      copies_(std::move(copies)),
      criterion_(criterion),
      optimiser_(std::move(groups), {experiment.train.betas[0], experiment.train.betas[1], experiment.train.epsilon}),
      schedule_(schedule_of(experiment.train)),
      sampler_(pool, seed),
      random_(seed, "augment and prompts") {}

std::vector<Trainer::Share> Trainer::draw() {
  std::vector<std::vector<Sample>> samples(copies_.size());
  const auto side = copies_.front()->image_size();
  for (std::int64_t i = 0; i < experiment_.train.images_per_step; ++i) {
    const auto [dataset, item] = sampler_.next();
    const auto image = pool_.datasets()[dataset].data->load(item);
    const auto queries = pool_.queries(dataset, image, true, random_);
    auto sample = augment(make_sample(image, queries, side), experiment_.augment, random_);
    for (std::size_t q = 0; q < sample.masks.size(); ++q) {
      if (sample.masks[q].size(0) > copies_.front()->object_queries()) {
        throw DataError(Fault{
            pool_.datasets()[dataset].data->item(item).id, fmt::format("too many targets for '{}'", sample.queries[q].text),
            std::to_string(sample.masks[q].size(0)), fmt::format("at most {}", copies_.front()->object_queries()),
            "raise backbone.num_queries, cut smaller tiles, or set targets = \"class\""});
      }
    }
    if (!sample.queries.empty()) samples[static_cast<std::size_t>(i) % samples.size()].push_back(std::move(sample));
  }
  std::vector<Share> shares(copies_.size());
  for (std::size_t c = 0; c < shares.size(); ++c) {
    if (!samples[c].empty()) shares[c].batch = collate(samples[c]);
  }
  return shares;
}

void Trainer::backward(Backbone& model, Share& share, double num_boxes) const {
  if (share.batch.texts.empty()) return;
  const auto outputs = model.forward(share.batch);
  share.result = criterion_(outputs, share.batch.targets, num_boxes);
  const auto loss = share.result.total.item<double>();
  if (!std::isfinite(loss)) {
    throw NumericError(Fault{fmt::format("step {}", done_), "the loss is not finite", fmt::format("{}", loss), "a number",
                             "lower train.learning_rate, or look at the data with sam3lab verify"});
  }
  (share.result.total / static_cast<double>(copies_.size())).backward();
}

// Sums into the first copy's gradients; each share was divided by the number of copies before its backward pass.
void Trainer::average_gradients() {
  const auto first = copies_.front()->parameters();
  for (std::size_t c = 1; c < copies_.size(); ++c) {
    const auto other = copies_[c]->parameters();
    for (std::size_t i = 0; i < first.size(); ++i) {
      auto& gradient = other[i].second.mutable_grad();
      if (!gradient.defined()) continue;
      auto& sum = first[i].second.mutable_grad();
      sum = sum.defined() ? sum.add_(gradient) : gradient;
      gradient = at::Tensor();
    }
  }
}

StepRow Trainer::describe(const std::vector<Share>& shares) const {
  StepRow row;
  row.step = done_;
  for (const auto& share : shares) {
    if (share.batch.texts.empty()) continue;
    row.loss += share.result.total.item<double>() / static_cast<double>(shares.size());
    for (const auto& term : share.result.terms)
      row.terms[term.name] += term.weight * term.value.item<double>() / static_cast<double>(shares.size());
  }
  row.rate_factor = schedule_.factor(done_);
  return row;
}

StepRow Trainer::step() {
  const auto started = std::chrono::steady_clock::now();
  auto shares = draw();
  double boxes = 0.0;
  for (const auto& share : shares) {
    if (!share.batch.texts.empty()) boxes += share.batch.targets.num_boxes.sum().item<double>();
  }
  const double num_boxes = std::max(1.0, boxes / static_cast<double>(shares.size()));
  for (const auto& copy : copies_) copy->train(true);
  side_by_side(copies_.size(), [&](std::size_t c) { backward(*copies_[c], shares[c], num_boxes); });
  average_gradients();
  auto row = describe(shares);
  row.gradient_norm = optimiser_.clip(experiment_.train.clip_norm);
  if (!std::isfinite(row.gradient_norm)) {
    throw NumericError(Fault{fmt::format("step {}", done_), "the gradient is not finite", fmt::format("{}", row.gradient_norm),
                             "a number", "lower train.learning_rate"});
  }
  optimiser_.step(schedule_.factor(done_));
  optimiser_.clear_gradients();
  ++done_;
  row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  row.peak_memory_mib = peak_memory_mib();
  return row;
}

}  // namespace sam3lab
