#include "core/data/split_file.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <unordered_map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sam3lab/api/error.h>

#include "core/base/atomic_file.h"
#include "core/base/sha256.h"
#include "core/base/text.h"

namespace sam3lab {
namespace {

using nlohmann::ordered_json;

constexpr const char* format = "sam3lab-split-1";
constexpr std::uintmax_t largest = std::uintmax_t{1} << 28;  // bytes
constexpr std::array<const char*, 3> side_names = {"train", "held_out", "dropped"};
constexpr std::size_t most_named = 5;  // ids that a message repeats

template <class S>
auto lists_of(S& split) {
  return std::array{&split.train, &split.held_out, &split.dropped};
}

ordered_json parse(const std::filesystem::path& file) {
  const auto fail = [&](const std::string& what, const std::string& got) {
    throw DataError(
        Fault{file.string(), what, got, std::string("a file of `sam3lab verify --write-split`, format ") + format, ""});
  };
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error) fail("split file cannot be read", error.message());
  if (size > largest) fail("split file is too large", fmt::format("{} bytes", size));
  std::ifstream in(file, std::ios::binary);
  auto document = ordered_json::parse(in, nullptr, false);
  if (document.is_discarded() || !document.is_object()) fail("split file is no JSON object", "");
  if (document.value("format", ordered_json()) != format) fail("split file of another format", "");
  if (!document.contains("datasets") || !document["datasets"].is_object()) fail("split file without datasets", "");
  return document["datasets"];
}

class FileReader {
 public:
  FileReader(const std::filesystem::path& file, const SplitSource& source, std::vector<Fault>& faults)
      : file_(file.string()), source_(source), faults_(faults) {}

  Split read(const ordered_json& table) {
    std::unordered_map<std::string, std::int64_t> index;
    for (std::size_t i = 0; i < source_.items.size(); ++i) index.emplace(source_.items[i].id, static_cast<std::int64_t>(i));
    std::vector<std::int8_t> sides(source_.items.size(), -1);
    std::vector<std::string> foreign, twice, lacking;
    for (std::size_t side = 0; side < side_names.size(); ++side) {
      if (!table.is_object() || !table.contains(side_names[side]) || !table[side_names[side]].is_array()) {
        fault(fmt::format("has no list '{}' for dataset '{}'", side_names[side], source_.name), "", "a list of ids");
        continue;
      }
      for (const auto& entry : table[side_names[side]]) {
        const auto id = entry.is_string() ? entry.get<std::string>() : "";
        const auto found = index.find(id);
        if (found == index.end()) {
          foreign.push_back(id);
        } else if (auto& at = sides[static_cast<std::size_t>(found->second)]; at >= 0) {
          twice.push_back(id);
        } else {
          at = static_cast<std::int8_t>(side);
        }
      }
    }
    Split split;
    for (std::size_t i = 0; i < sides.size(); ++i) {
      if (sides[i] < 0) {
        lacking.push_back(source_.items[i].id);
      } else {
        lists_of(split)[static_cast<std::size_t>(sides[i])]->push_back(static_cast<std::int64_t>(i));
      }
    }
    name(foreign, "names items that the data lack");
    name(twice, "names an item twice");
    name(lacking, "lacks items of the data");
    split.by_subject = check_subjects(sides);
    split.mode = source_.external ? "external" : "file";
    split.sha256 = split_sha256(source_, split);
    const auto stated = table.is_object() ? table.value("sha256", ordered_json()) : ordered_json();
    if (faults_.empty() && stated != split.sha256) {
      fault(fmt::format("states another SHA-256 for dataset '{}' than its lists have", source_.name), "", split.sha256);
    }
    return split;
  }

 private:
  void fault(std::string what, std::string got, std::string expected) {
    faults_.push_back({file_, std::move(what), std::move(got), std::move(expected), ""});
  }
  void name(std::vector<std::string> ids, const std::string& what) {
    if (ids.empty()) return;
    const auto all = ids.size();
    ids.resize(std::min(all, most_named));
    for (auto& id : ids) id = shorten(id);
    fault(fmt::format("{} of dataset '{}'", what, source_.name),
          fmt::format("{}: {}{}", all, join(ids), all > most_named ? " ..." : ""), "each item of the data once");
  }
  // True if no subject is on both sides; a fault where its items overlap there.
  bool check_subjects(const std::vector<std::int8_t>& sides) {
    std::map<std::string, std::array<std::vector<std::pair<double, double>>, 2>> extents;
    for (std::size_t i = 0; i < sides.size(); ++i) {
      const auto& item = source_.items[i];
      if (sides[i] == 0 || sides[i] == 1)
        extents[item.subject][static_cast<std::size_t>(sides[i])].emplace_back(item.begin, item.end);
    }
    bool divided = false;
    std::vector<std::string> shared;
    for (auto& [subject, two] : extents) {
      if (two[0].empty() || two[1].empty()) continue;
      divided = true;
      for (auto& side : two) std::sort(side.begin(), side.end());
      std::size_t a = 0, b = 0;
      while (a < two[0].size() && b < two[1].size()) {
        if (two[0][a].first < two[1][b].second && two[1][b].first < two[0][a].second) {
          shared.push_back(subject);
          break;
        }
        two[0][a].second <= two[1][b].second ? ++a : ++b;
      }
    }
    name(shared, "trains and holds out what overlaps, in subjects");
    return !divided;
  }

  std::string file_;
  const SplitSource& source_;
  std::vector<Fault>& faults_;
};

}  // namespace

std::string split_sha256(const SplitSource& source, const Split& split) {
  std::vector<const char*> sides(source.items.size(), "");
  const auto lists = lists_of(split);
  for (std::size_t side = 0; side < lists.size(); ++side) {
    for (const auto i : *lists[side]) sides[static_cast<std::size_t>(i)] = side_names[side];
  }
  std::string text;
  for (std::size_t i = 0; i < sides.size(); ++i) text += fmt::format("{} {}\n", sides[i], source.items[i].id);
  return sha256(text);
}

void write_splits(const std::filesystem::path& file, const std::vector<SplitSource>& sources,
                  const std::vector<Split>& splits) {
  ordered_json document = {{"format", format}, {"datasets", ordered_json::object()}};
  for (std::size_t s = 0; s < sources.size(); ++s) {
    auto& table = document["datasets"][sources[s].name];
    table["sha256"] = splits[s].sha256;
    const auto lists = lists_of(splits[s]);
    for (std::size_t side = 0; side < lists.size(); ++side) {
      auto ids = ordered_json::array();
      for (const auto i : *lists[side]) ids.push_back(sources[s].items[static_cast<std::size_t>(i)].id);
      table[side_names[side]] = std::move(ids);
    }
  }
  AtomicFile out(file.string());
  out.write(document.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n");
  out.commit();
}

std::vector<Split> read_splits(const std::filesystem::path& file, const std::vector<SplitSource>& sources) {
  const auto tables = parse(file);
  std::vector<Fault> faults;
  std::vector<Split> splits;
  for (const auto& source : sources) {
    const auto table = tables.find(source.name);
    if (table == tables.end()) {
      faults.push_back({file.string(), "split file lacks dataset '" + source.name + "'", "", "the datasets of the experiment",
                        "write it anew with `sam3lab verify --write-split`"});
      continue;
    }
    splits.push_back(FileReader(file, source, faults).read(*table));
  }
  if (!faults.empty()) throw DataError(faults);
  return splits;
}

}  // namespace sam3lab
