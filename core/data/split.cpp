#include "core/data/split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/random.h>

#include "core/base/text.h"
#include "core/config/check_data.h"
#include "core/data/split_file.h"

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

// All items of one subject (or of one site, with split.by), over all datasets that have it.
struct Subject {
  std::vector<Place> places;
  double gap = 0.0;
  bool whole = false;          // kept together: split by subject
  bool settled = false;        // by leave_out or an official division
  std::string mode = "block";  // Split::mode of a dataset that has this one alone
};

// What stays together. Sites may have the name of a subject, hence the mark before them.
std::string group_of(const Item& item, const SplitOptions& options) {
  return options.by == "site" && !item.site.empty() ? "site " + item.site : item.subject;
}

std::map<std::string, Subject> subjects_of(const std::vector<SplitSource>& sources, const SplitOptions& options) {
  std::map<std::string, Subject> subjects;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    if (sources[s].external) continue;
    for (std::size_t i = 0; i < sources[s].items.size(); ++i) {
      const auto& item = sources[s].items[i];
      auto& subject = subjects[group_of(item, options)];
      subject.places.push_back({s, i, item.begin, item.end});
      subject.gap = std::max(subject.gap, sources[s].gap);
    }
  }
  return subjects;
}

std::vector<std::string> names_of_groups(const SplitSource& source, const SplitOptions& options) {
  std::set<std::string> names;
  for (const auto& item : source.items) names.insert(group_of(item, options));
  return {names.begin(), names.end()};
}

bool matches(const std::vector<std::pair<std::string, std::string>>& selectors, const SplitSource& source, const Item& item) {
  return std::any_of(selectors.begin(), selectors.end(), [&](const auto& selector) {
    const auto& [key, value] = selector;
    return value == (key == "site" ? item.site : key == "dataset" ? source.name : source.modality);
  });
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
      : sources_(sources), options_(options), subjects_(subjects_of(sources, options)) {
    for (const auto& source : sources) sides_.emplace_back(source.items.size(), source.external ? Side::held_out : Side::train);
  }

  std::vector<Split> run() {
    refuse_leaks();
    leave_out();
    follow_official_parts();
    mark_whole_subjects();
    hold_out_subjects();
    for (const auto& [name, subject] : subjects_) {
      if (!subject.whole && !subject.settled) hold_out_blocks(name, subject);
    }
    std::vector<Split> splits;
    for (std::size_t s = 0; s < sources_.size(); ++s) splits.push_back(split_of(s));
    if (!faults_.empty()) throw DataError(faults_);
    return splits;
  }

 private:
  void refuse_leaks() {
    std::map<std::string, std::string> axes, sites;
    for (const auto& source : sources_) {
      for (const auto& name : names_of_groups(source, options_)) {
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
      if (options_.by != "site") continue;
      for (const auto& item : source.items) {
        const auto [known, is_new] = sites.emplace(item.subject, item.site);
        if (is_new || known->second == item.site) continue;
        faults_.push_back({source.name, "subject '" + item.subject + "' is of two sites", known->second + " and " + item.site,
                           "one site a subject", "use split.by = \"subject\""});
        break;
      }
    }
  }

  // All that a selector matches is held out; the rest of those subjects is on no side.
  void leave_out() {
    std::vector<std::pair<std::string, std::string>> selectors;
    for (const auto& text : options_.leave_out) selectors.push_back(split_selector(text));
    std::set<std::string> sites;
    for (auto& [name, subject] : subjects_) {
      const auto matched = [&](const Place& place) { return matches(selectors, sources_[place.source], item_at(place)); };
      subject.settled = std::any_of(subject.places.begin(), subject.places.end(), matched);
      if (!subject.settled) continue;
      subject.mode = "leave_out";
      for (const auto& place : subject.places) {
        side_at(place) = matched(place) ? Side::held_out : Side::dropped;
        sites.insert(item_at(place).site);
      }
    }
    for (const auto& [key, value] : selectors) {
      if (key == "site" && !sites.contains(value))
        faults_.push_back({"split.leave_out", "no item of that site", value, "a site of an internal dataset", ""});
    }
  }

  // Where the source itself says who is tested on. Another dataset's items of the same subjects follow.
  void follow_official_parts() {
    if (options_.official.empty()) return;
    std::map<std::string, std::set<Side>> sides;
    for (const auto& source : sources_) {
      std::set<std::string> subsets;
      for (const auto& item : source.items) subsets.insert(item.subset);
      if (source.external || subsets == std::set<std::string>{""}) continue;
      if (!subsets.contains(options_.official)) {
        faults_.push_back({source.name, "the source's own division has no such subset", options_.official,
                           "one of " + join({subsets.begin(), subsets.end()}), "choose one for split.official"});
        continue;
      }
      for (const auto& item : source.items) {
        const bool held = item.subset == options_.official, kept = item.subset == "test" || item.subset == "validation";
        sides[group_of(item, options_)].insert(held ? Side::held_out : kept ? Side::dropped : Side::train);
      }
    }
    for (const auto& [name, of_group] : sides) {
      auto& subject = subjects_.at(name);
      if (subject.settled) continue;
      subject.settled = true;
      subject.mode = "official";
      const bool held = of_group.contains(Side::held_out), trained = of_group.contains(Side::train);
      if (held && trained) {
        faults_.push_back({sources_[subject.places.front().source].name,
                           "the source's own division trains on '" + name + "' and holds it out", "both sides", "one side",
                           "split by subject without split.official, or correct the subject"});
      }
      for (const auto& place : subject.places) side_at(place) = held ? Side::held_out : trained ? Side::train : Side::dropped;
    }
  }

  Side& side_at(const Place& place) { return sides_[place.source][place.item]; }
  [[nodiscard]] const Item& item_at(const Place& place) const { return sources_[place.source].items[place.item]; }

  // Groups of a source that nothing has placed yet.
  [[nodiscard]] std::vector<std::string> open_groups(const SplitSource& source) const {
    auto names = source.external ? std::vector<std::string>{} : names_of_groups(source, options_);
    std::erase_if(names, [this](const auto& name) { return subjects_.at(name).settled; });
    return names;
  }

  void mark_whole_subjects() {
    for (const auto& source : sources_) {
      const auto names = open_groups(source);
      const bool always = options_.mode == "subject" || options_.folds > 0;
      const bool enough = options_.mode == "auto" && names.size() >= enough_subjects;
      for (const auto& name : names) {
        const bool site = options_.by == "site" && name.starts_with("site ");
        if (!always && !enough && !site) continue;
        auto& subject = subjects_[name];
        subject.whole = true;
        subject.mode = options_.folds > 0 ? "fold" : site ? "site" : "subject";
      }
    }
  }

  void hold_out_subjects() {
    const auto placed = options_.folds > 0 ? place_in_folds() : place_by_share();
    for (const auto& [name, side] : placed) {
      for (const auto& place : subjects_.at(name).places) side_at(place) = side;
    }
  }

  // Each fold of the cross-validation gets as many groups of each dataset; which, says their hash.
  std::map<std::string, Side> place_in_folds() {
    std::map<std::string, std::int64_t> folds;
    for (const auto& source : sources_) {
      auto names = open_groups(source);
      if (names.empty()) continue;
      if (static_cast<std::int64_t>(names.size()) < options_.folds) {
        faults_.push_back({source.name, "too few groups for split.folds", std::to_string(names.size()),
                           fmt::format("at least {}", options_.folds),
                           "use fewer folds, or give the dataset role = \"external\""});
      }
      std::sort(names.begin(), names.end(), [this](const auto& a, const auto& b) { return rank(a) < rank(b); });
      std::vector<std::int64_t> counts(static_cast<std::size_t>(options_.folds), 0);
      for (const auto& name : names) {
        if (const auto at = folds.find(name); at != folds.end()) ++counts[static_cast<std::size_t>(at->second)];
      }
      for (const auto& name : names) {
        const auto least = std::min_element(counts.begin(), counts.end());
        if (folds.emplace(name, least - counts.begin()).second) ++*least;
      }
    }
    std::map<std::string, Side> placed;
    for (const auto& [name, fold] : folds) placed[name] = fold == options_.fold ? Side::held_out : Side::train;
    return placed;
  }

  // In each dataset the subjects with the lowest hash are held out; a subject that an earlier dataset has placed stays there.
  std::map<std::string, Side> place_by_share() {
    std::map<std::string, Side> placed;
    for (const auto& source : sources_) {
      auto names = open_groups(source);
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
    return placed;
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

  [[nodiscard]] std::string mode_of(const SplitSource& source) const {
    if (source.external) return "external";
    std::set<std::string> modes;
    for (const auto& name : names_of_groups(source, options_)) modes.insert(subjects_.at(name).mode);
    if (modes.contains("block")) return "block";
    return modes.size() == 1 ? *modes.begin() : "mixed";
  }

  Split split_of(std::size_t s) {
    const auto& source = sources_[s];
    Split split;
    bool left_out = false;
    for (std::size_t i = 0; i < source.items.size(); ++i) {
      const auto side = sides_[s][i];
      auto& list = side == Side::train ? split.train : side == Side::held_out ? split.held_out : split.dropped;
      list.push_back(static_cast<std::int64_t>(i));
      left_out = left_out ||
                 (!options_.leave_out.empty() && !source.external && subjects_.at(group_of(source.items[i], options_)).settled);
    }
    split.sha256 = split_sha256(source, split);
    split.mode = mode_of(source);
    split.by_subject = source.external || std::all_of(source.items.begin(), source.items.end(), [this](const auto& item) {
                         const auto& subject = subjects_.at(group_of(item, options_));
                         return subject.whole || subject.settled;
                       });
    if (source.items.empty() || split.held_out.empty() || (!source.external && !left_out && split.train.empty())) {
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

SplitSource split_source(const std::string& name, const Dataset& dataset, const DatasetOptions& common) {
  SplitSource source{name, {}, dataset.gap(), common.role == "external", common.modality};
  for (std::int64_t i = 0; i < dataset.size(); ++i) source.items.push_back(dataset.item(i));
  return source;
}

std::vector<Split> make_splits(const std::vector<SplitSource>& sources, const SplitOptions& options) {
  return options.file.empty() ? Splitter(sources, options).run() : read_splits(options.file, sources);
}

}  // namespace sam3lab
