// Seconds and peak memory of full-parameter training steps on one batch; our side of scripts/bench_step.
// Use: training_step FOLDER [--memory exact|fast|lean] [--steps N] [--threads N] [--clip X] [--seed N]
// FOLDER holds model.json and batch.safetensors as `sam3lab trace` takes them. Weights are seeded random, dropout and drop path
// as published. One line a step: step= forward= backward= update= seconds= peak_gb= loss= norm=
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <sam3lab/api/error.h>

#include "core/tensor/pages.h"
#include "core/train/adamw.h"
#include "core/train/criterion.h"
#include "core/train/trace.h"
#include "plugins/backbones/sam3/model.h"
#include "plugins/losses/box/box_loss.h"
#include "plugins/losses/classification_presence/classification_presence_loss.h"
#include "plugins/losses/instance_mask/instance_mask_loss.h"
#include "plugins/losses/semantic_mask/semantic_mask_loss.h"
#include "plugins/matchers/hungarian/binary_hungarian.h"
#include "plugins/matchers/one_to_many/binary_one_to_many.h"

namespace {

using sam3lab::sam3::Sam3;
using sam3lab::sam3::Sam3Options;

sam3lab::Criterion recipe() {
  using namespace sam3lab;
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

void run(const std::string& folder, std::map<std::string, std::string>& flags) {
  const auto schema = sam3lab::schema_of<Sam3Options>();
  const auto given = sam3lab::read_trace_case(folder, schema);
  auto options = sam3lab::options_from<Sam3Options>(given.sizes);
  options.memory = flags["--memory"];
  Sam3 model(options);
  model.initialise(std::stoull(flags["--seed"]));
  at::manual_seed(std::stoull(flags["--seed"]));
  const auto criterion = recipe();
  sam3lab::AdamWOptions adamw;
  adamw.half_moments = flags["--memory"] == "lean";
  sam3lab::AdamW optimiser({{"all", model.parameters(), given.learning_rate, given.weight_decay}}, adamw);
  model.train(true);
  for (int step = 1; step <= std::stoi(flags["--steps"]); ++step) {
    const double start = now();
    double loss = 0.0, forward = 0.0;
    {
      const auto outputs = model.forward(given.batch);
      const auto result = criterion(outputs, given.batch.targets);
      loss = result.total.item<double>();
      forward = now();
      std::printf("resident_gb=%.3f behind the forward pass\n", resident_gb());
      result.total.backward();
    }
    const double backward = now();
    std::printf("resident_gb=%.3f behind the backward pass\n", resident_gb());
    const double norm = optimiser.clip(std::stod(flags["--clip"]));
    optimiser.step(1.0);
    optimiser.clear_gradients();
    const double end = now();
    std::printf("step=%d forward=%.2f backward=%.2f update=%.2f seconds=%.2f peak_gb=%.3f loss=%.5f norm=%.4f\n", step,
                forward - start, backward - forward, end - backward, end - start, peak_gb(), loss, norm);
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> flags{
      {"--memory", "exact"}, {"--steps", "2"}, {"--threads", "2"}, {"--clip", "0.1"}, {"--seed", "1"}};
  for (int i = 2; i + 1 < argc; i += 2) {
    if (flags.count(argv[i]) == 0) return std::fprintf(stderr, "training_step: unknown flag %s\n", argv[i]), 2;
    flags[argv[i]] = argv[i + 1];
  }
  if (argc < 2 || argc % 2 != 0) return std::fputs("training_step: needs a folder, and a value for each flag\n", stderr), 2;
  sam3lab::keep_pages();
  at::set_num_threads(std::stoi(flags["--threads"]));
  try {
    run(argv[1], flags);
  } catch (const sam3lab::Error& error) {
    return std::fprintf(stderr, "%s\n", error.what()), static_cast<int>(error.code());
  }
}
