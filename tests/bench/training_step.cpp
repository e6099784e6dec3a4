// Seconds and peak memory of full-parameter training steps on one batch; our side of scripts/bench_step.
// Use: training_step FOLDER [--memory exact|fast|disk|lean] [--steps N] [--threads N] [--clip X] [--seed N] [--cache FOLDER]
// FOLDER holds model.json and batch.safetensors as `sam3lab trace` takes them. Weights are seeded random, dropout and drop path
// as published. One line a step: step= forward= backward= update= seconds= peak_gb= loss= norm=
// With --cache the heads alone train (scheme head_only), at a rate of 0, so that each step has the same gradients: a step that
// fills the empty folder, N that find all in it, one without it. The last line has how many times as fast the median of the N
// is as the last one: head_only_speedup= same_gradients=
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <sam3lab/api/error.h>

#include "core/tensor/caching_allocator.h"
#include "core/optim/adamw.h"
#include "core/train/criterion.h"
#include "core/run/feature_cache.h"
#include "core/train/trace.h"
#include "plugins/backbones/sam3/model/model.h"
#include "plugins/losses/box/box_loss.h"
#include "plugins/losses/classification_presence/classification_presence_loss.h"
#include "plugins/losses/instance_mask/instance_mask_loss.h"
#include "plugins/losses/semantic_mask/semantic_mask_loss.h"
#include "plugins/matchers/hungarian/binary_hungarian.h"
#include "plugins/matchers/one_to_many/binary_one_to_many.h"
#include "plugins/schemes/head_only/head_only_scheme.h"

namespace {

using sam3lab::sam3::Sam3;
using sam3lab::sam3::Sam3Options;

sam3lab::Criterion recipe() {
  using namespace sam3lab;
  using namespace sam3lab::losses::box;
  using namespace sam3lab::losses::classification_presence;
  using namespace sam3lab::losses::instance_mask;
  using namespace sam3lab::losses::semantic_mask;
  using namespace sam3lab::matchers::hungarian;
  using namespace sam3lab::matchers::one_to_many;
  using namespace sam3lab::schemes::head_only;
  return Criterion(
      {}, std::make_shared<BinaryHungarian>(HungarianOptions{}), std::make_shared<BinaryOneToMany>(OneToManyOptions{}),
      {std::make_shared<BoxLoss>(BoxOptions{}), std::make_shared<ClassificationPresence>(ClassificationPresenceOptions{}),
       std::make_shared<InstanceMaskLoss>(InstanceMaskOptions{}), std::make_shared<SemanticMaskLoss>(SemanticMaskOptions{})});
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double peak_gb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024.0 / 1e9;
}

// Memory now in use, from /proc/self/status, in GB.
double resident_gb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::stod(line.substr(6)) * 1024.0 / 1e9;
  }
  return 0.0;
}

struct Case {
  sam3lab::TraceCase given;
  sam3lab::sam3::Sam3Options options;
};

Case read_case(const std::string& folder, const std::string& memory) {
  auto given = sam3lab::read_trace_case(folder, sam3lab::schema_of<Sam3Options>());
  auto options = sam3lab::options_from<Sam3Options>(given.sizes);
  options.memory = memory;
  return {std::move(given), std::move(options)};
}

struct Took {
  double seconds = 0.0, loss = 0.0, norm = 0.0;
};

// Prints its line; `resident` prints the memory in use behind each pass as well.
Took take_step(Sam3& model, const sam3lab::Batch& batch, sam3lab::AdamW& optimiser, double clip, const std::string& name,
               bool resident) {
  static const auto criterion = recipe();
  const double start = now();
  double loss = 0.0, forward = 0.0;
  optimiser.begin_pass();
  {
    at::Tensor total;
    {
      const auto outputs = model.forward(batch);
      total = criterion(outputs, batch.targets).total;
    }
    loss = total.item<double>();
    forward = now();
    if (resident) std::printf("resident_gb=%.3f behind the forward pass\n", resident_gb());
    optimiser.expect_update();
    total.backward();
  }
  const double backward = now();
  if (resident) std::printf("resident_gb=%.3f behind the backward pass\n", resident_gb());
  const double norm = optimiser.clip(clip);
  optimiser.step(1.0);
  optimiser.clear_gradients();
  const double end = now();
  std::printf("step=%s forward=%.2f backward=%.2f update=%.2f seconds=%.2f peak_gb=%.3f loss=%.5f norm=%.4f\n", name.c_str(),
              forward - start, backward - forward, end - backward, end - start, peak_gb(), loss, norm);
  std::fflush(stdout);
  return {end - start, loss, norm};
}

void run(const std::string& folder, std::map<std::string, std::string>& flags) {
  const auto [given, options] = read_case(folder, flags["--memory"]);
  Sam3 model(options);
  model.initialise(std::stoull(flags["--seed"]));
  at::manual_seed(std::stoull(flags["--seed"]));
  sam3lab::AdamWOptions adamw;
  adamw.half_moments = flags["--memory"] == "lean";
  if (flags["--memory"] == "disk") adamw.offload = folder;
  sam3lab::AdamW optimiser({{"all", model.parameters(), given.learning_rate, given.weight_decay}}, adamw);
  model.train(true);
  for (int step = 1; step <= std::stoi(flags["--steps"]); ++step)
    (void)take_step(model, given.batch, optimiser, std::stod(flags["--clip"]), std::to_string(step), true);
}

void run_heads(const std::string& folder, std::map<std::string, std::string>& flags) {
  const auto [given, options] = read_case(folder, flags["--memory"]);
  Sam3 model(options);
  model.initialise(std::stoull(flags["--seed"]));
  const sam3lab::schemes::head_only::HeadOnlyScheme scheme{sam3lab::schemes::head_only::HeadOnlyOptions{}};
  sam3lab::AdamW optimiser(scheme.prepare(model, {0.0, given.weight_decay, 0, {}}).groups, {});
  model.train(true);
  const auto step = [&](const std::string& name) {
    at::manual_seed(std::stoull(flags["--seed"]));  // the same dropout each time
    return take_step(model, given.batch, optimiser, std::stod(flags["--clip"]), name, false);
  };
  const auto store = std::make_shared<sam3lab::FeatureCache>(flags["--cache"], 10'000'000'000, "bench");
  for (const auto& part : model.cache_features(store)) std::printf("cached: %s\n", part.c_str());
  std::vector<Took> all{step("filling")};
  std::vector<double> cached;
  for (int i = 1; i <= std::stoi(flags["--steps"]); ++i) {
    all.push_back(step("cached" + std::to_string(i)));
    cached.push_back(all.back().seconds);
  }
  (void)model.cache_features(nullptr);
  all.push_back(step("without"));
  const bool same = std::all_of(all.begin(), all.end(),
                                [&](const Took& one) { return one.loss == all.front().loss && one.norm == all.front().norm; });
  std::nth_element(cached.begin(), cached.begin() + static_cast<std::ptrdiff_t>(cached.size() / 2), cached.end());
  std::printf("head_only_speedup=%.2f same_gradients=%s\n", all.back().seconds / cached[cached.size() / 2],
              same ? "yes" : "no");
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> flags{{"--memory", "exact"}, {"--steps", "2"}, {"--threads", "2"},
                                           {"--clip", "0.1"},     {"--seed", "1"},  {"--cache", ""}};
  for (int i = 2; i + 1 < argc; i += 2) {
    if (flags.count(argv[i]) == 0) return std::fprintf(stderr, "training_step: unknown flag %s\n", argv[i]), 2;
    flags[argv[i]] = argv[i + 1];
  }
  if (argc < 2 || argc % 2 != 0) return std::fputs("training_step: needs a folder, and a value for each flag\n", stderr), 2;
  sam3lab::use_caching_allocator();
  at::set_num_threads(std::stoi(flags["--threads"]));
  try {
    flags["--cache"].empty() ? run(argv[1], flags) : run_heads(argv[1], flags);
  } catch (const sam3lab::Error& error) {
    return std::fprintf(stderr, "%s\n", error.what()), static_cast<int>(error.code());
  }
}
