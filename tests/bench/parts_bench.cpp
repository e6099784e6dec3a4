// What a training step spends its time in, at the sizes of the smoke tests. Run by scripts/bench.
#include <benchmark/benchmark.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <sam3lab/api/random.h>

#include "plugins/backbones/sam3/model.h"
#include "plugins/matchers/hungarian/assignment.h"

namespace {

void assignment(benchmark::State& state) {
  const auto queries = state.range(0), targets = state.range(1);
  sam3lab::Random random(7, "costs");
  std::vector<double> cost(static_cast<std::size_t>(queries * targets));
  for (auto& value : cost) value = random.uniform();
  for (auto _ : state) benchmark::DoNotOptimize(sam3lab::solve_assignment(cost, queries, targets));
}
BENCHMARK(assignment)->Args({200, 20})->Args({200, 200})->Unit(benchmark::kMillisecond);

sam3lab::Batch one_image(std::int64_t side) {
  sam3lab::Batch batch;
  batch.images = at::zeros({1, 3, side, side});
  batch.texts = {"lung", "spine", "rib", "cell nucleus"};
  batch.image_index = at::zeros({4}, at::kLong);
  return batch;
}

void sam3_forward(benchmark::State& state) {
  at::set_num_threads(1);
  sam3lab::sam3::Sam3Options options;
  options.size = "tiny";
  sam3lab::sam3::Sam3 model(options);
  model.initialise(1);
  model.train(false);
  const at::NoGradGuard no_grad;
  const auto batch = one_image(model.image_size());
  for (auto _ : state) benchmark::DoNotOptimize(model.forward(batch).semantic);
}
BENCHMARK(sam3_forward)->Unit(benchmark::kMillisecond);

void sam3_forward_backward(benchmark::State& state) {
  at::set_num_threads(1);
  sam3lab::sam3::Sam3Options options;
  options.size = "tiny";
  sam3lab::sam3::Sam3 model(options);
  model.initialise(1);
  model.train(true);
  const auto batch = one_image(model.image_size());
  for (auto _ : state) {
    const auto outputs = model.forward(batch);
    (outputs.last.one_to_one.masks.square().mean() + outputs.semantic.square().mean()).backward();
  }
}
BENCHMARK(sam3_forward_backward)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
