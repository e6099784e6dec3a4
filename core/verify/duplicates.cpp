#include "core/verify/duplicates.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/verify/near.h"

namespace sam3lab {
namespace {

constexpr double same_share = 0.9;  // of the images of the smaller of two datasets that are one
constexpr std::int64_t fewest_same = 5;
constexpr std::size_t most_thumbnails = 20000, most_pictured = 12, most_partners = 16;

class Finder {
 public:
  Finder(const std::vector<VerifiedDataset>& datasets, const std::vector<ImagePrint>& prints) : datasets_(datasets) {
    for (const auto& print : prints) {
      if (!print.flat) prints_.push_back(print);
    }
  }

  Duplicates run() {
    exact();
    near();
    rotated_or_flipped();
    same_datasets();
    for (auto& [key, finding] : found_) out_.findings.push_back(std::move(finding));
    return std::move(out_);
  }

 private:
  [[nodiscard]] Item item_of(const ImagePrint& print) const { return datasets_[print.dataset].data->item(print.item); }
  [[nodiscard]] std::string place_of(const ImagePrint& print) const {
    return fmt::format("{}: {} ({})", datasets_[print.dataset].name, item_of(print).id, name_of(print.side));
  }

  void exact() {
    std::sort(prints_.begin(), prints_.end(), [](const auto& a, const auto& b) {
      return std::tie(a.digest, a.dataset, a.item) < std::tie(b.digest, b.dataset, b.item);
    });
    for (std::size_t from = 0, to = 0; from < prints_.size(); from = to) {
      while (to < prints_.size() && prints_[to].digest == prints_[from].digest) ++to;
      if (to - from > 1) group(from, to);
    }
  }

  // Equal images [from, to): each is told with the first one of another subject, a trained one if it is not trained on itself.
  void group(std::size_t from, std::size_t to) {
    std::set<std::uint16_t> here;
    std::vector<std::string> subjects;
    for (auto i = from; i < to; ++i) here.insert(prints_[i].dataset), subjects.push_back(item_of(prints_[i]).subject);
    for (auto i = from; i < to; ++i) {
      for (const auto other : here) {
        if (other != prints_[i].dataset) shared_[{prints_[i].dataset, other}].insert(prints_[i].item);
      }
    }
    if (std::all_of(subjects.begin(), subjects.end(), [&](const auto& s) { return s == subjects.front(); })) return;
    std::vector<std::size_t> partners = {from};  // the first ones: a thousand equal images are not compared with each other
    for (auto i = from + 1; i < to; ++i) {
      auto partner = from;
      for (const auto j : partners) {
        const bool usable = subjects[j - from] != subjects[i - from];
        const bool better = leaks(prints_[j], prints_[i]) && !leaks(prints_[partner], prints_[i]);
        if (usable && (subjects[partner - from] == subjects[i - from] || better)) partner = j;
      }
      if (subjects[partner - from] != subjects[i - from]) tell({prints_[partner], prints_[i], true, 0});
      if (partners.size() < most_partners) partners.push_back(i);
    }
  }

  static bool leaks(const ImagePrint& a, const ImagePrint& b) {
    return (a.side == Side::train && b.side == Side::held_out) || (a.side == Side::held_out && b.side == Side::train);
  }

  void tell(const ImagePair& pair) {
    const bool leak = leaks(pair.a, pair.b);
    auto one = pair.a.dataset, two = pair.b.dataset;
    if (one > two) std::swap(one, two);
    const char* const kind = pair.exact ? "" : pair.orientation == 0 ? "near_" : "rotated_";
    auto& finding = found_[{leak, kind, one, two}];
    if (finding.check.empty()) {
      finding.severity = leak ? Severity::error : Severity::warning;
      finding.check = fmt::format("{}duplicate{}", kind, leak ? "_leak" : "");
      finding.datasets = {datasets_[one].name};
      if (one != two) finding.datasets.push_back(datasets_[two].name);
      const char* const what = pair.exact              ? "equal"
                               : pair.orientation == 0 ? "the same image in two"
                                                       : "the same image, rotated or flipped, in two";
      finding.text =
          fmt::format("{} images{}", what, leak ? ", one trained on and the other held out" : " of different subjects");
      finding.count = 0;
    }
    ++finding.count;
    if (finding.examples.size() < most_examples) {
      const auto orientation = pair.orientation == 0 ? "" : std::string(", ") + name_of_orientation(pair.orientation);
      finding.examples.push_back(place_of(pair.a) + " = " + place_of(pair.b) + orientation);
    }
    if (leak && out_.leaks.size() < most_pictured) out_.leaks.push_back(pair);
  }

  // Images of one hash are one entry; equal images have been told.
  void near() {
    for (std::size_t i = 0; i < prints_.size(); ++i) {
      if (i == 0 || prints_[i].digest != prints_[i - 1].digest)
        by_hash_[prints_[i].hash[0]].push_back(static_cast<std::uint32_t>(i));
    }
    for (const auto& [hash, members] : by_hash_) hashes_.push_back(hash);
    std::sort(hashes_.begin(), hashes_.end());
    std::size_t compared = 0;
    const auto compare = [&](const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b) {
      for (const auto i : a) {
        for (const auto j : b) {
          if (compared >= most_near) return;
          if (&a != &b || j > i) compare_images(i, j, 0, compared);
        }
      }
    };
    for (const auto hash : hashes_) compare(by_hash_[hash], by_hash_[hash]);
    for (const auto& [x, y] : near_pairs(hashes_, 20 * most_near)) compare(by_hash_[hashes_[x]], by_hash_[hashes_[y]]);
    note_limit(compared, "look alike");
  }

  // After near(): what is the same image as it is (a symmetric one may be both) is not told again.
  void rotated_or_flipped() {
    const NearIndex index(hashes_);
    std::size_t compared = 0, met = 0;
    const auto compare = [&](std::uint32_t i, int orientation, const std::vector<std::uint32_t>& others) {
      for (const auto j : others) {
        // Each mirror image, and a half turn, is found from both sides; a quarter turn from one.
        if (i == j || (orientation != quarter_turn && j < i)) continue;
        if (compared >= most_near || ++met > 20 * most_near) return false;
        compare_images(i, j, orientation, compared);
      }
      return true;
    };
    for (const auto hash : hashes_) {
      for (const auto i : by_hash_[hash]) {
        for (int orientation = 1; orientation < orientations; ++orientation) {
          if (orientation == three_quarters) continue;  // the quarter turn of the other image
          index.each(prints_[i].hash[static_cast<std::size_t>(orientation)],
                     [&](std::uint32_t found) { return compare(i, orientation, by_hash_[hashes_[found]]); });
        }
      }
    }
    note_limit(std::max(compared, met / 20), "look alike when rotated or flipped");
  }

  void note_limit(std::size_t compared, const char* how) {
    if (compared < most_near) return;
    out_.findings.push_back({Severity::note,
                             "near_duplicate_limit",
                             {},
                             fmt::format("at least {} pairs of images {}; the rest was not compared", most_near, how),
                             1,
                             {}});
  }

  // Is `i`, rotated or flipped, the image `j`? Counts what it has to look at.
  void compare_images(std::uint32_t i, std::uint32_t j, int orientation, std::size_t& compared) {
    const auto &a = prints_[i], &b = prints_[j];
    const bool subjects_differ = item_of(a).subject != item_of(b).subject;
    if (!subjects_differ && a.dataset == b.dataset) return;
    if (same_.contains(std::minmax(i, j))) return;
    ++compared;
    const auto x = thumbnail_of(a), y = thumbnail_of(b);
    if (!x.defined() || !y.defined() || !same_image(reoriented(x, orientation), y)) return;
    same_.insert(std::minmax(i, j));
    if (a.dataset != b.dataset) shared_[{a.dataset, b.dataset}].insert(a.item), shared_[{b.dataset, a.dataset}].insert(b.item);
    if (subjects_differ) tell({a, b, false, orientation});
  }

  at::Tensor thumbnail_of(const ImagePrint& print) {
    const auto key = std::pair(print.dataset, print.item);
    if (const auto found = thumbnails_.find(key); found != thumbnails_.end()) return found->second;
    if (thumbnails_.size() >= most_thumbnails) thumbnails_.clear();
    at::Tensor small;
    try {
      small = grey_thumbnail(datasets_[print.dataset].data->load(print.item).image, thumbnail_side);
    } catch (const DataError&) {  // it was read a moment ago: someone is changing the files
    }
    return thumbnails_[key] = small;
  }

  // Two datasets that are one, whatever their subjects are called. Two tables over one head have other labels.
  void same_datasets() {
    for (const auto& [pair, items] : shared_) {
      const auto [a, b] = pair;
      if (a >= b) continue;
      const auto& one = datasets_[a];
      const auto& two = datasets_[b];
      const auto reverse = shared_.find({b, a});
      const auto in_one = static_cast<double>(items.size()) / static_cast<double>(one.data->size());
      const auto in_two =
          reverse == shared_.end() ? 0.0 : static_cast<double>(reverse->second.size()) / static_cast<double>(two.data->size());
      if (std::max(in_one, in_two) < same_share || static_cast<std::int64_t>(items.size()) < fewest_same) continue;
      const bool same_label = std::any_of(one.texts.begin(), one.texts.end(), [&](const auto& entry) {
        return std::any_of(two.texts.begin(), two.texts.end(),
                           [&](const auto& other) { return other.second == entry.second || other.first == entry.first; });
      });
      if (!same_label && item_of_first(a) == item_of_first(b)) continue;
      out_.findings.push_back({Severity::error,
                               "same_dataset",
                               {one.name, two.name},
                               fmt::format("{:.0f} % of the images of {} and {:.0f} % of those of {} are the same",
                                           100 * in_one, one.name, 100 * in_two, two.name),
                               static_cast<std::int64_t>(items.size()),
                               {}});
    }
  }
  [[nodiscard]] std::string item_of_first(std::uint16_t dataset) const { return datasets_[dataset].data->item(0).subject; }

  const std::vector<VerifiedDataset>& datasets_;
  std::vector<ImagePrint> prints_;
  std::map<std::tuple<bool, std::string, std::uint16_t, std::uint16_t>, Finding> found_;
  std::map<std::pair<std::uint16_t, std::uint16_t>, std::set<std::uint32_t>> shared_;  // items of the first that the second has
  std::map<std::pair<std::uint16_t, std::uint32_t>, at::Tensor> thumbnails_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> by_hash_;  // into prints_, as they are
  std::vector<std::uint64_t> hashes_;                                      // keys of by_hash_, ascending
  std::set<std::pair<std::uint32_t, std::uint32_t>> same_;                 // into prints_: one image, not the same pixels
  Duplicates out_;
};

}  // namespace

Duplicates find_duplicates(const std::vector<VerifiedDataset>& datasets, const std::vector<ImagePrint>& prints) {
  return Finder(datasets, prints).run();
}

}  // namespace sam3lab
