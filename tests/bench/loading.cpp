// How fast training samples are read and prepared; our side of scripts/bench_data.
// Use: loading EXPERIMENT.toml --draws N [--workers N] [--side N]   (plugins: beside the program, SAM3LAB_PLUGIN_PATH)
// One line: images= triplets= masks= seconds=
#include <chrono>
#include <cstdio>
#include <map>
#include <string>

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/core/Tensor.h>

#include <sam3lab/api/error.h>

#include "core/config/read.h"
#include "core/registry/registry.h"
#include "core/tensor/caching_allocator.h"
#include "core/data/loader.h"
#include "core/data/pool.h"
#include "core/data/sample.h"

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

void run(const std::string& file, std::map<std::string, std::string>& flags) {
  using namespace sam3lab;
  const at::NoGradGuard no_grad;
  at::set_num_threads(1);
  use_caching_allocator();  // as a run does
  const Registry registry(default_sources({}));
  const auto experiment = read_experiment({file, {}, true}, registry.catalogue());
  const Pool pool(experiment, registry);
  LoaderOptions options;
  options.side = std::stoll(flags["--side"]);
  options.most_targets = 200;
  options.workers = std::stoll(flags["--workers"]);
  options.ahead = 2 * std::max<std::int64_t>(1, options.workers);
  const auto draws = std::stoll(flags["--draws"]);
  std::int64_t triplets = 0, masks = 0;
  const double start = now();
  Loader loader(pool, experiment.augment, options);
  for (std::int64_t i = 0; i < draws; ++i) {
    const auto batch = collate({loader.next()});
    triplets += static_cast<std::int64_t>(batch.texts.size());
    masks += batch.targets.masks.size(0);
  }
  std::printf("images=%lld triplets=%lld masks=%lld seconds=%.4f\n", static_cast<long long>(draws),
              static_cast<long long>(triplets), static_cast<long long>(masks), now() - start);
}

}  // namespace

int main(int count, char** values) {
  std::map<std::string, std::string> flags = {{"--draws", "64"}, {"--workers", "2"}, {"--side", "1008"}};
  for (int i = 2; i + 1 < count; i += 2) flags[values[i]] = values[i + 1];
  try {
    if (count < 2) throw sam3lab::UsageError(sam3lab::Fault{"loading", "names no experiment", "", "a .toml file", ""});
    run(values[1], flags);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
