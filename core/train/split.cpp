#include "core/train/split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/random.h>

#include "core/config/text.h"

namespace sam3lab {
namespace {

constexpr double tolerance = 1e-6;  // of extents, which are sums of slice numbers or pixels
constexpr int attempts = 64;        // places tried for the blocks of a subject until each of its datasets has both sides

enum class Side { train, held_out, dropped };
using Sides = std::vector<std::vector<Side>>;  // [source][item]

struct Place {
  std::size_t source, item;
  double begin, end;
};

// All items of one subject, over all datasets that have it.
struct Subject {
  std::vector<Place> places;
  double gap = 0.0;
  bool whole = false;  // kept together: split by subject
};

std::map<std::string, Subject> subjects_of(const std::vector<SplitSource>& sources) {
  std::map<std::string, Subject> subjects;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    if (sources[s].external) continue;
    for (std::size_t i = 0; i < sources[s].items.size(); ++i) {
      const auto& item = sources[s].items[i];
      auto& subject = subjects[item.subject];
      subject.places.push_back({s, i, item.begin, item.end});
      subject.gap = std::max(subject.gap, sources[s].gap);
    }
  }
  return subjects;
}

std::vector<std::string> names_of_subjects(const SplitSource& source) {
  std::set<std::string> names;
  for (const auto& item : source.items) names.insert(item.subject);
  return {names.begin(), names.end()};
}

// The axis in an id `SUBJECT/AXIS/...`; empty if the id is not of that form.
std::string axis_of(const Item& item) {
  if (!item.id.starts_with(item.subject + "/")) return "";
  const auto rest = item.id.substr(item.subject.size() + 1);
  const auto slash = rest.find('/');
  return slash == std::string::npos ? "" : rest.substr(0, slash);
}

class Splitter {
 public:
  Splitter(const std::vector<SplitSource>& sources, const SplitOptions& options)
      : sources_(sources), options_(options), subjects_(subjects_of(sources)) {
    for (const auto& source : sources) sides_.emplace_back(source.items.size(), source.external ? Side::held_out : Side::train);
  }

  std::vector<Split> run() {
    refuse_leaks();
    mark_whole_subjects();
    hold_out_subjects();
    for (const auto& [name, subject] : subjects_) {
      if (!subject.whole) hold_out_blocks(name, subject);
    }
    std::vector<Split> splits;
    for (std::size_t s = 0; s < sources_.size(); ++s) splits.push_back(split_of(s));
    if (!faults_.empty()) throw DataError(faults_);
    return splits;
  }

 private:
  void refuse_leaks() {
    std::map<std::string, std::string> axes;
    for (const auto& source : sources_) {
      for (const auto& name : names_of_subjects(source)) {
        if (source.external && subjects_.contains(name)) {
          faults_.push_back({source.name, "an external dataset shares a subject with one that trains", name, "other subjects",
                             "give it role = \"internal\", or another subject name if it is another subject"});
        }
      }
      if (source.external) continue;
      for (const auto& item : source.items) {
        const auto axis = axis_of(item);
        const auto [known, is_new] = axes.emplace(item.subject, axis);
        if (is_new || known->second == axis) continue;
        faults_.push_back({source.name, "subject '" + item.subject + "' is cut along two axes", known->second + " and " + axis,
                           "one axis a subject", "slices along different axes cross: use one axis for all its datasets"});
        break;
      }
    }
  }

  void mark_whole_subjects() {
    for (const auto& source : sources_) {
      if (source.external) continue;
      const auto names = names_of_subjects(source);
      if (options_.mode == "block" || (options_.mode == "auto" && names.size() < enough_subjects)) continue;
      for (const auto& name : names) subjects_[name].whole = true;
    }
  }

  // In each dataset the subjects with the lowest hash are held out; a subject that an earlier dataset has placed stays there.
  void hold_out_subjects() {
    std::map<std::string, Side> placed;
    for (const auto& source : sources_) {
      std::vector<std::string> names;
      if (!source.external) names = names_of_subjects(source);
      std::erase_if(names, [this](const auto& name) { return !subjects_.at(name).whole; });
      std::sort(names.begin(), names.end(), [this](const auto& a, const auto& b) { return rank(a) < rank(b); });
      const auto wanted = std::max<std::int64_t>(1, std::llround(options_.held_out * static_cast<double>(names.size())));
      auto held = std::count_if(names.begin(), names.end(),
                                [&](const auto& name) { return placed.contains(name) && placed[name] == Side::held_out; });
      for (const auto& name : names) {
        if (const auto [at, is_new] = placed.emplace(name, held < wanted ? Side::held_out : Side::train); is_new) {
          held += at->second == Side::held_out ? 1 : 0;
        }
      }
    }
    for (const auto& [name, side] : placed) {
      for (const auto& place : subjects_.at(name).places) sides_[place.source][place.item] = side;
    }
  }

  [[nodiscard]] std::uint64_t rank(const std::string& subject) const {
    return Random(static_cast<std::uint64_t>(options_.seed), "split/" + subject).next();
  }

  void hold_out_blocks(const std::string& name, const Subject& subject) {
    for (int attempt = 0; attempt < attempts; ++attempt) {
      Random random(static_cast<std::uint64_t>(options_.seed), fmt::format("split/{}/{}", name, attempt));
      const auto blocks = place_blocks(subject, random);
      std::map<std::size_t, std::array<bool, 3>> seen;
      for (const auto& place : subject.places) {
        const auto side = side_of(place, blocks, subject.gap);
        sides_[place.source][place.item] = side;
        seen[place.source][static_cast<std::size_t>(side)] = true;
      }
      const bool both =
          std::all_of(seen.begin(), seen.end(), [](const auto& entry) { return entry.second[0] && entry.second[1]; });
      if (both) return;
    }
  }

  // Blocks [first, second). The subject's extent is cut into as many equal parts, and each part gets a block at a random item.
  [[nodiscard]] std::vector<std::pair<double, double>> place_blocks(const Subject& subject, Random& random) const {
    std::set<double> begins;
    double high = subject.places.front().end, longest = 0.0;
    for (const auto& place : subject.places) {
      begins.insert(place.begin);
      high = std::max(high, place.end);
      longest = std::max(longest, place.end - place.begin);
    }
    const double low = *begins.begin(), extent = high - low, wanted = options_.held_out * extent;
    double step = longest;
    for (auto at = begins.begin(); std::next(at) != begins.end(); ++at) step = std::min(step, *std::next(at) - *at);

    // A block holds at least one item, so there may be room for fewer blocks than asked for.
    const auto fit = static_cast<std::int64_t>(std::floor(wanted / longest + tolerance));
    const auto count = std::clamp<std::int64_t>(fit, 1, options_.blocks);
    const double spare = wanted / static_cast<double>(count) - longest;
    const double length = longest + (step > 0 ? std::max(0.0, std::round(spare / step)) * step : 0.0);

    std::vector<std::pair<double, double>> blocks;
    for (std::int64_t i = 0; i < count; ++i) {
      const double from = low + extent * static_cast<double>(i) / static_cast<double>(count);
      const double to = low + extent * static_cast<double>(i + 1) / static_cast<double>(count);
      std::vector<double> starts;
      std::copy_if(begins.begin(), begins.end(), std::back_inserter(starts),
                   [&](double begin) { return begin >= from - tolerance && begin + length <= to + tolerance; });
      if (starts.empty()) continue;
      const double start = starts[random.below(starts.size())];
      blocks.emplace_back(start, start + length);
    }
    return blocks;
  }

  static Side side_of(const Place& place, const std::vector<std::pair<double, double>>& blocks, double gap) {
    bool near = false;
    for (const auto& [from, to] : blocks) {
      if (place.begin >= from - tolerance && place.end <= to + tolerance) return Side::held_out;
      near = near || (place.end > from - gap + tolerance && place.begin < to + gap - tolerance);
    }
    return near ? Side::dropped : Side::train;
  }

  Split split_of(std::size_t s) {
    const auto& source = sources_[s];
    Split split;
    std::string text;
    for (std::size_t i = 0; i < source.items.size(); ++i) {
      const auto side = sides_[s][i];
      auto& list = side == Side::train ? split.train : side == Side::held_out ? split.held_out : split.dropped;
      list.push_back(static_cast<std::int64_t>(i));
      text += fmt::format("{} {}\n",
                          side == Side::train      ? "train"
                          : side == Side::held_out ? "held_out"
                                                   : "dropped",
                          source.items[i].id);
    }
    split.sha256 = sha256(text);
    split.by_subject = source.external || std::all_of(source.items.begin(), source.items.end(),
                                                      [this](const auto& item) { return subjects_.at(item.subject).whole; });
    if (source.items.empty() || split.held_out.empty() || (!source.external && split.train.empty())) {
      faults_.push_back({source.name, "the split leaves a side empty",
                         fmt::format("{} to train on, {} held out, {} in the gaps between", split.train.size(),
                                     split.held_out.size(), split.dropped.size()),
                         source.external ? "at least one item" : "at least one item on both sides",
                         "use more images, a smaller gap or tile, or another split.held_out"});
    }
    return split;
  }

  const std::vector<SplitSource>& sources_;
  const SplitOptions& options_;
  std::map<std::string, Subject> subjects_;
  Sides sides_;
  std::vector<Fault> faults_;
};

}  // namespace

SplitSource split_source(const std::string& name, const Dataset& dataset, bool external) {
  SplitSource source{name, {}, dataset.gap(), external};
  for (std::int64_t i = 0; i < dataset.size(); ++i) source.items.push_back(dataset.item(i));
  return source;
}

std::vector<Split> make_splits(const std::vector<SplitSource>& sources, const SplitOptions& options) {
  return Splitter(sources, options).run();
}

}  // namespace sam3lab
