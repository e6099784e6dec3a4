#include "core/config/check_training.h"

#include <fmt/format.h>

#include "core/base/text.h"
#include "core/config/device_name.h"

namespace sam3lab {

std::vector<Fault> training_faults(const Experiment& experiment, const std::string& where) {
  std::vector<Fault> faults;
  const TrainOptions& train = experiment.train;
  const auto device = parse_device(train.device);
  if (!device) faults.push_back({where, "train.device is no device", train.device, device_words, ""});
  if (device && device->cuda && train.replicas > 1) {
    faults.push_back({where, "train.replicas work side by side on the CPU alone",
                      fmt::format("{} replicas on {}", train.replicas, train.device), "train.replicas = 1",
                      "one copy fills a GPU; for several GPUs start a process for each with --nproc"});
  }
  if (train.steps == 0) return faults;
  if (train.accumulate > 1 && train.accumulate * train.replicas > train.images_per_step) {
    faults.push_back({where, "train.accumulate cuts a step into parts without images",
                      fmt::format("{} parts for each of {} replicas from {} images", train.accumulate, train.replicas,
                                  train.images_per_step),
                      "train.images_per_step of at least train.accumulate times train.replicas",
                      "images_per_step counts the images of all parts together"});
  }
  if (!train.feature_cache.empty() && experiment.augment.views == 0 && experiment.augment.changes()) {
    faults.push_back({where, "train.feature_cache is of no use where [augment] makes another image of each draw",
                      "augment.views = 0", "augment.views of 1 or more, or nothing in [augment]",
                      "set augment.views to how many versions of an image there may be, or leave train.feature_cache out"});
  }
  if (train.early_stop_epochs > 0 && train.best_metric.empty()) {
    faults.push_back({where, "train.early_stop_epochs needs a score to go by", "no train.best_metric", "the name of a metric",
                      "set train.best_metric"});
  }
  return faults;
}

}  // namespace sam3lab
