#include "core/data/loader.h"

#include <algorithm>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/data/augment.h"
#include "core/data/box_prompts.h"
#include "core/data/resize_pad.h"

namespace sam3lab {
namespace {

// Whole prompts go, as in FilterFindQueriesWithTooManyOut, sam3/train/transforms/filter_query_transforms.py.
void leave_out_crowded(Sample& sample, std::int64_t most) {
  Sample kept = sample;
  kept.queries.clear();
  kept.masks.clear();
  for (std::size_t q = 0; q < sample.queries.size(); ++q) {
    if (sample.masks[q].size(0) > most) continue;
    kept.queries.push_back(std::move(sample.queries[q]));
    kept.masks.push_back(std::move(sample.masks[q]));
  }
  sample = std::move(kept);
}

}  // namespace

Loader::Loader(const Pool& pool, const AugmentOptions& augment, const LoaderOptions& options)
    : pool_(pool), augment_(augment), options_(options), sampler_(pool, options.seed) {
  for (; drawn_ < options.first; ++drawn_) (void)sampler_.next();
  for (std::int64_t i = 0; i < options.workers; ++i) threads_.emplace_back([this] { work(); });
}

Loader::~Loader() {
  {
    const std::lock_guard guard(lock_);
    stop_ = true;
  }
  room_.notify_all();
  for (auto& thread : threads_) thread.join();
}

Loader::Place Loader::draw() {
  for (; drawn_ % options_.images_per_step % options_.ranks != options_.rank; ++drawn_) (void)sampler_.next();
  Place place;
  place.number = drawn_++;
  place.drawn = sampler_.next();
  return place;
}

Sample Loader::prepare(const Place& place) const {
  const auto [d, item, before] = place.drawn;
  const auto& dataset = pool_.datasets()[d];
  // A stream of its own: a draw asks and augments the same whoever prepares it, and a resumed run goes on with it.
  Random random(options_.seed, fmt::format("draw {}", place.number));
  const auto image = dataset.data->load(item);
  const auto queries = pool_.queries(d, image, true, random);
  // Recorded views: how an image is changed follows from which one it is and how often it came before. Boxes have a stream of
  // their own there, for how many are drawn depends on what is asked.
  Random of_boxes = random;
  Random* for_boxes = &random;
  if (augment_.views > 0) {
    const auto view = fmt::format("view {} of {}/{}", before % augment_.views, dataset.name, dataset.data->item(item).id);
    random = Random(options_.seed, view);
    of_boxes = Random(options_.seed, "boxes, " + view);
    for_boxes = &of_boxes;
  }
  const auto side = random_side(augment_, options_.side, random);
  auto sample = augment(make_sample(image, queries, side), augment_, random);
  if (augment_.most_targets > 0) leave_out_crowded(sample, augment_.most_targets);
  for (std::size_t q = 0; q < sample.masks.size(); ++q) {
    if (sample.masks[q].size(0) <= options_.most_targets) continue;
    throw DataError(
        Fault{dataset.data->item(item).id, fmt::format("too many targets for '{}'", sample.queries[q].text),
              std::to_string(sample.masks[q].size(0)), fmt::format("at most {}", options_.most_targets),
              "cut smaller tiles, let the dataset make one target of each label, or give the backbone more object queries"});
  }
  give_boxes(sample, image.image.size(0), image.image.size(1), augment_, *for_boxes);
  return padded(std::move(sample), options_.side, random);
}

void Loader::work() {
  const at::NoGradGuard no_grad;
  std::unique_lock guard(lock_);
  for (;;) {
    room_.wait(guard, [this] { return stop_ || static_cast<std::int64_t>(queue_.size()) < options_.ahead; });
    if (stop_) return;
    const auto place = queue_.emplace_back(std::make_shared<Place>(draw()));
    guard.unlock();
    std::optional<Sample> sample;
    std::exception_ptr failure;
    try {
      sample = prepare(*place);
    } catch (...) {
      failure = std::current_exception();
    }
    guard.lock();
    place->sample = std::move(sample);
    place->failure = failure;
    ready_.notify_all();
  }
}

Sample Loader::next() {
  if (threads_.empty()) return prepare(draw());
  std::shared_ptr<Place> place;
  {
    std::unique_lock guard(lock_);
    ready_.wait(guard, [this] { return !queue_.empty() && (queue_.front()->sample || queue_.front()->failure); });
    place = queue_.front();
    queue_.pop_front();
  }
  room_.notify_one();
  if (place->failure) std::rethrow_exception(place->failure);
  return *std::move(place->sample);
}

}  // namespace sam3lab
