// What a training step spends its time in, at the sizes of the smoke tests. Run by scripts/bench.
#include <utility>

#include <benchmark/benchmark.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <sam3lab/api/random.h>

#include "plugins/backbones/sam3/model/model.h"
#include "plugins/backbones/sam3/kernels/products.h"
#include "plugins/backbones/sam3/kernels/tiled_attention.h"
#include "plugins/matchers/hungarian/assignment.h"

namespace {

void assignment(benchmark::State& state) {
  const auto queries = state.range(0), targets = state.range(1);
  sam3lab::Random random(7, "costs");
  std::vector<double> cost(static_cast<std::size_t>(queries * targets));
  for (auto& value : cost) value = random.uniform();
  for (auto _ : state) benchmark::DoNotOptimize(sam3lab::matchers::hungarian::solve_assignment(cost, queries, targets));
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

// The first layer of an image encoder's MLP at full size, forward and backward; processor seconds of one thread, and GFLOP/s.
void large_linear(benchmark::State& state) {
  at::set_num_threads(1);
  const bool before = std::exchange(sam3lab::sam3::large_products_by_onednn(), state.range(0) != 0);
  constexpr std::int64_t rows = 5184, in = 1024, out = 4736;
  const auto x = at::randn({rows, in}).requires_grad_(), weight = at::randn({out, in}).requires_grad_(),
             bias = at::randn({out}).requires_grad_(), given = at::randn({rows, out});
  for (auto _ : state) sam3lab::sam3::linear(x, weight, bias).backward(given);
  state.counters["GFLOP"] = benchmark::Counter(6e-9 * rows * in * out, benchmark::Counter::kIsIterationInvariantRate);
  sam3lab::sam3::large_products_by_onednn() = before;
}
BENCHMARK(large_linear)->ArgName("onednn")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

// Two heads of a global block at full size, forward and backward: LibTorch's fused kernel, and ours.
void large_attention(benchmark::State& state) {
  at::set_num_threads(1);
  const auto q = at::randn({1, 2, 5184, 64}), given = at::randn({1, 2, 5184, 64});
  for (auto _ : state) {
    if (state.range(0) == 0) {
      const auto [out, log_sums] = at::_scaled_dot_product_flash_attention_for_cpu(q, q, q);
      benchmark::DoNotOptimize(
          at::_scaled_dot_product_flash_attention_for_cpu_backward(given, q, q, q, out, log_sums, 0.0, false));
    } else {
      const auto forward = sam3lab::sam3::attend_in_tiles(q, q, q, {}, 0.0, 0);
      benchmark::DoNotOptimize(sam3lab::sam3::gradients_in_tiles(given, q, q, q, {}, forward, 0.0, 0, false));
    }
  }
}
BENCHMARK(large_attention)->ArgName("tiles")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
