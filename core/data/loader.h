// Training samples, read and augmented ahead of their use by threads. What comes out depends on the seed and the number of the
// draw alone: not on how many threads there are, nor on which of them is faster.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/config/tables.h"
#include "core/data/pool.h"
#include "core/data/sample.h"
#include "core/data/sampler.h"

namespace sam3lab {

struct LoaderOptions {
  std::int64_t side = 0;          // R, pixels
  std::int64_t most_targets = 0;  // of a query
  std::int64_t workers = 0;       // threads; 0: next() does the work itself
  std::int64_t ahead = 1;         // samples that may wait or be in work, at least 1
  std::uint64_t seed = 0;
  std::int64_t first = 0;  // number of the first draw; those before it are passed over unread
  // Of the images of a step, image i is prepared by rank i mod `ranks`: next() gives only those of this one.
  std::int64_t images_per_step = 1, ranks = 1, rank = 0;
};

class Loader {
 public:
  Loader(const Pool& pool, const AugmentOptions& augment, const LoaderOptions& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // The next draw; a sample may be without queries. Rethrows what its loading threw: DataError, also for a query with more than
  // `most_targets` masks.
  Sample next();

 private:
  struct Place {
    std::int64_t number = 0;
    Sampler::Draw drawn;
    std::optional<Sample> sample;
    std::exception_ptr failure;
  };
  [[nodiscard]] Sample prepare(const Place& place) const;
  Place draw();
  void work();

  const Pool& pool_;
  const AugmentOptions& augment_;
  LoaderOptions options_;
  Sampler sampler_;
  std::int64_t drawn_ = 0;
  bool stop_ = false;
  std::mutex lock_;
  std::condition_variable ready_, room_;
  std::deque<std::shared_ptr<Place>> queue_;  // in the order of the draws
  std::vector<std::thread> threads_;
};

}  // namespace sam3lab
