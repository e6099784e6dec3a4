// The last few cases of a dataset, unpacked. Safe to call from several threads: a case that two of them ask for is read once.
#pragma once
#include <algorithm>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

namespace sam3lab::datasets {

template <class Case>
class CaseCache {
 public:
  using Pointer = std::shared_ptr<const Case>;

  // At most `keep` (at least 1) cases stay; those that callers still hold come on top.
  explicit CaseCache(std::int64_t keep) : keep_(keep) {}

  // Case `number`, read with `read()` if it is not there. What `read` throws goes to all who wait, and is tried anew next time.
  Pointer get(std::size_t number, const std::function<Case()>& read) {
    std::promise<Pointer> made;
    std::shared_future<Pointer> found;
    {
      const std::lock_guard lock(mutex_);
      if (const auto at = find(number); at != cases_.end()) {
        cases_.splice(cases_.begin(), cases_, at);
        found = at->second;
      } else {
        cases_.emplace_front(number, made.get_future().share());
        while (static_cast<std::int64_t>(cases_.size()) > keep_) cases_.pop_back();  // before memory is taken for the new one
      }
    }
    if (found.valid()) return found.get();
    try {
      auto one = std::make_shared<const Case>(read());
      made.set_value(one);
      return one;
    } catch (...) {
      made.set_exception(std::current_exception());
      const std::lock_guard lock(mutex_);
      if (const auto at = find(number); at != cases_.end()) cases_.erase(at);
      throw;
    }
  }

 private:
  using Entry = std::pair<std::size_t, std::shared_future<Pointer>>;

  typename std::list<Entry>::iterator find(std::size_t number) {
    return std::find_if(cases_.begin(), cases_.end(), [number](const Entry& entry) { return entry.first == number; });
  }

  std::int64_t keep_;
  std::mutex mutex_;
  std::list<Entry> cases_;  // last asked for first
};

}  // namespace sam3lab::datasets
