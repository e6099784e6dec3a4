#include "core/verify/scan.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <opencv2/imgproc.hpp>

#include <sam3lab/api/error.h>

#include "core/base/threads.h"

namespace sam3lab {
namespace {

constexpr std::int64_t run_length = 16;  // items of a thread in a row: slices of one volume are read together
constexpr int flat_levels = 2;           // grey values that an image without content spans
constexpr double background_least = 0.2, mask_least = 0.98, ring_least = 0.95;  // shares of pixels
constexpr int background_levels = 1;                                            // around the most frequent grey value
constexpr int contrast_ring = 3;                                                // px around a mask

// What a message of a reader is about. Plugins word their messages freely, so this is a sorting of the list, no more.
std::string check_of(const std::string& message) {
  const auto says = [&](std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(), [&](const char* word) { return message.find(word) != std::string::npos; });
  };
  if (says({"another size", "other size", "another grid", "another place", "sizes differ", "different size"})) return "size";
  if (says({"label value", "unknown value", "values outside", "encoding", "unknown colour", "not binary"})) return "values";
  return "unreadable";
}

class Accumulator {
 public:
  explicit Accumulator(const std::vector<VerifiedDataset>& datasets) : datasets_(datasets), scans_(datasets.size()) {
    for (std::size_t d = 0; d < datasets.size(); ++d) {
      for (const auto& label : datasets[d].data->labels()) scans_[d].labels[label];
    }
  }

  void add(std::size_t d, std::int64_t item, Side side, ImagePrint& print, bool& good) {
    const auto& dataset = datasets_[d];
    good = false;
    try {
      const auto image = dataset.data->load(item);
      if (const auto broken = broken_promise(image); !broken.empty()) {
        const bool sizes = broken.find("size") != std::string::npos;
        return fail(d, item, sizes ? "size" : "contract", dataset.data->item(item).id + ": " + broken);
      }
      print.digest = pixel_digest(image.image);
      print.hash = perceptual_hash_of(image.image);
      print.item = static_cast<std::uint32_t>(item);
      print.dataset = static_cast<std::uint16_t>(d);
      print.side = side;
      look_at(image, side, scans_[d], print.flat);
      good = true;
    } catch (const DataError& error) {
      fail(d, item, check_of(error.what()), error.what());
    }
  }

  std::vector<DatasetScan>& scans() { return scans_; }

  void merge(Accumulator& other) {
    for (std::size_t d = 0; d < scans_.size(); ++d) {
      auto& to = scans_[d];
      auto& from = other.scans_[d];
      to.read += from.read, to.empty += from.empty, to.flat += from.flat;
      for (std::size_t v = 0; v < to.grey.size(); ++v) to.grey[v] += from.grey[v];
      to.height.add(from.height), to.width.add(from.width), to.spacing.add(from.spacing);
      for (const auto& [label, count] : from.labels) {
        auto& sum = to.labels[label];
        for (std::size_t s = 0; s < sum.images.size(); ++s) sum.images[s] += count.images[s];
        sum.masks += count.masks, sum.pixels += count.pixels;
        sum.pixels_of_images += count.pixels_of_images, sum.on_background += count.on_background;
      }
      failed_[d].insert(other.failed_[d].begin(), other.failed_[d].end());
    }
  }

  // The lowest items first, whichever thread met them.
  void finish() {
    for (auto& [d, of_dataset] : failed_) {
      for (const auto& [key, failure] : of_dataset) {
        auto& finding = scans_[d].failures[failure.first];
        if (finding.check.empty()) finding = {Severity::error, failure.first, {datasets_[d].name}, "", 0, {}};
        ++finding.count;
        if (finding.examples.size() < most_examples) finding.examples.push_back(failure.second);
      }
    }
  }

 private:
  void fail(std::size_t d, std::int64_t item, const std::string& check, const std::string& message) {
    auto& kept = failed_[d];
    const auto same = std::count_if(kept.begin(), kept.end(), [&](const auto& entry) { return entry.second.first == check; });
    kept[item] = {check, same < static_cast<std::int64_t>(most_examples) ? message : std::string()};
  }

  // What a dataset must not hand out, whatever its files are.
  static std::string broken_promise(const LabelledImage& image) {
    if (image.image.dim() != 3 || image.image.size(2) != 3 || image.image.scalar_type() != at::kByte ||
        image.image.numel() == 0)
      return "an image that is not [H, W, 3] of bytes";
    for (const auto& label : image.labels) {
      const auto& masks = label.masks;
      if (masks.dim() != 3 || masks.scalar_type() != at::kBool)
        return "masks of '" + label.label + "' that are not [n, H, W] of bool";
      if (masks.size(1) != image.image.size(0) || masks.size(2) != image.image.size(1)) {
        return fmt::format("masks of '{}' of another size than the image; got {} x {}, expected {} x {}", label.label,
                           masks.size(1), masks.size(2), image.image.size(0), image.image.size(1));
      }
      if (masks.size(0) == 0 || !masks.flatten(1).any(1).all().item<bool>()) return "an empty mask of '" + label.label + "'";
      if (image.ignore.defined() && masks.logical_and(image.ignore).any().item<bool>())
        return "a mask of '" + label.label + "' that reaches into what is to be ignored";
    }
    return "";
  }

  static void look_at(const LabelledImage& image, Side side, DatasetScan& scan, bool& flat) {
    const auto height = image.image.size(0), width = image.image.size(1);
    ++scan.read;
    scan.height.add(static_cast<double>(height)), scan.width.add(static_cast<double>(width));
    if (image.spacing_mm) {
      for (const auto mm : *image.spacing_mm) scan.spacing.add(mm);
    }
    const auto pixels = image.image.contiguous();
    const cv::Mat colour(static_cast<int>(height), static_cast<int>(width), CV_8UC3, pixels.data_ptr());
    cv::Mat grey;
    cv::transform(colour, grey, cv::Matx13f(1 / 3.F, 1 / 3.F, 1 / 3.F));
    std::array<std::int64_t, 256> counts{};
    for (int row = 0; row < grey.rows; ++row) {
      const auto* line = grey.ptr<std::uint8_t>(row);
      for (int column = 0; column < grey.cols; ++column) ++counts[line[column]];
    }
    for (std::size_t v = 0; v < counts.size(); ++v) scan.grey[v] += counts[v];
    const auto first = std::find_if(counts.begin(), counts.end(), [](auto n) { return n > 0; });
    const auto last = std::find_if(counts.rbegin(), counts.rend(), [](auto n) { return n > 0; });
    flat = (counts.rend() - last - 1) - (first - counts.begin()) <= flat_levels;
    scan.flat += flat ? 1 : 0;
    scan.empty += image.labels.empty() ? 1 : 0;

    const auto mode = static_cast<int>(std::max_element(counts.begin(), counts.end()) - counts.begin());
    const cv::Mat background = (grey >= mode - background_levels) & (grey <= mode + background_levels);
    const auto share = static_cast<double>(cv::countNonZero(background)) / static_cast<double>(height * width);
    for (const auto& label : image.labels) {
      auto& count = scan.labels[label.label];
      const auto together =
          label.masks.size(0) == 1 ? label.masks[0].to(at::kByte).contiguous() : label.masks.any(0).to(at::kByte);
      const cv::Mat mask(static_cast<int>(height), static_cast<int>(width), CV_8U, together.data_ptr());
      const auto area = cv::countNonZero(mask);
      ++count.images[static_cast<std::size_t>(side)];
      count.masks += label.masks.size(0);
      count.pixels += area;
      count.pixels_of_images += height * width;
      if (!flat && share >= background_least && on_background(mask, background, area)) ++count.on_background;
    }
  }

  static bool on_background(const cv::Mat& mask, const cv::Mat& background, int area) {
    const auto inside = cv::countNonZero(mask & background);
    if (inside < mask_least * area) return false;
    cv::Mat wide;
    cv::dilate(mask, wide, cv::getStructuringElement(cv::MORPH_RECT, {2 * contrast_ring + 1, 2 * contrast_ring + 1}));
    const auto around = cv::countNonZero(wide) - area, flat_around = cv::countNonZero(wide & background) - inside;
    return around > 0 && flat_around >= ring_least * around;
  }

  const std::vector<VerifiedDataset>& datasets_;
  std::vector<DatasetScan> scans_;
  std::map<std::size_t, std::map<std::int64_t, std::pair<std::string, std::string>>>
      failed_;  // dataset -> item -> check, message
};

std::vector<std::vector<Side>> sides_of(const std::vector<VerifiedDataset>& datasets) {
  std::vector<std::vector<Side>> sides;
  for (const auto& dataset : datasets) {
    auto& of_dataset = sides.emplace_back(static_cast<std::size_t>(dataset.data->size()), Side::unknown);
    for (const auto i : dataset.split.train) of_dataset[static_cast<std::size_t>(i)] = Side::train;
    for (const auto i : dataset.split.held_out) of_dataset[static_cast<std::size_t>(i)] = Side::held_out;
    for (const auto i : dataset.split.dropped) of_dataset[static_cast<std::size_t>(i)] = Side::dropped;
  }
  return sides;
}

}  // namespace

const char* name_of(Side side) {
  constexpr std::array names = {"train", "held_out", "dropped", "unknown"};
  return names[static_cast<std::size_t>(side)];
}

void Range::add(double value) { add(Range{value, value, value, 1}); }
void Range::add(const Range& other) {
  if (other.count == 0) return;
  low = count == 0 ? other.low : std::min(low, other.low);
  high = count == 0 ? other.high : std::max(high, other.high);
  sum += other.sum;
  count += other.count;
}

Scan scan_images(const std::vector<VerifiedDataset>& datasets, const ScanRequest& request) {
  const auto sides = sides_of(datasets);
  std::vector<std::pair<std::size_t, std::int64_t>> starts;  // dataset, number of its first item before the whole
  std::int64_t all = 0;
  std::vector<std::int64_t> looked_at;
  for (std::size_t d = 0; d < datasets.size(); ++d) {
    const auto size = datasets[d].data->size();
    starts.emplace_back(d, all);
    looked_at.push_back(request.limit > 0 ? std::min(size, request.limit) : size);
    all += looked_at.back();
  }
  Scan scan;
  scan.prints.resize(static_cast<std::size_t>(all));
  std::vector<std::uint8_t> good(static_cast<std::size_t>(all), 0);
  std::atomic<std::int64_t> next{0};
  std::int64_t done = 0;
  std::mutex lock;
  Accumulator total(datasets);

  run_in_threads(static_cast<std::size_t>(request.workers), [&](std::size_t) {
    const at::NoGradGuard no_grad;
    at::set_num_threads(1);
    Accumulator mine(datasets);
    try {
      for (auto from = next.fetch_add(run_length); from < all; from = next.fetch_add(run_length)) {
        const auto to = std::min(all, from + run_length);
        for (auto at = from; at < to; ++at) {
          const auto past =
              std::upper_bound(starts.begin(), starts.end(), at, [](auto v, const auto& s) { return v < s.second; });
          auto [d, first] = *std::prev(past);
          const auto item = (at - first) * datasets[d].data->size() / looked_at[d];
          bool read = false;
          const auto side = sides[d][static_cast<std::size_t>(item)];
          mine.add(d, item, side, scan.prints[static_cast<std::size_t>(at)], read);
          good[static_cast<std::size_t>(at)] = read ? 1 : 0;
        }
        const std::lock_guard guard(lock);
        done += to - from;
        if (request.progress) request.progress(done, all);
      }
    } catch (...) {
      next = all;  // the other threads stop
      throw;
    }
    const std::lock_guard guard(lock);
    total.merge(mine);
  });
  total.finish();
  scan.datasets = std::move(total.scans());
  for (std::size_t d = 0; d < datasets.size(); ++d) scan.datasets[d].items = datasets[d].data->size();
  std::size_t kept = 0;
  for (std::size_t i = 0; i < scan.prints.size(); ++i) {
    if (good[i] != 0) scan.prints[kept++] = scan.prints[i];
  }
  scan.prints.resize(kept);
  return scan;
}

}  // namespace sam3lab
