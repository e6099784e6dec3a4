#include "plugins/datasets/volume_folder/msd_file.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include <sam3lab/api/error.h>

namespace sam3lab::datasets::volume_folder {
namespace {

using nlohmann::json;

constexpr std::uintmax_t largest_file = std::uintmax_t{1} << 24;  // bytes
constexpr int deepest = 16;
constexpr std::int64_t largest_value = 65535;

// The parser takes memory for every level, and the document gives it back by recursion.
void check_depth(const std::string& text, const std::string& path) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > deepest) throw DataError(Fault{path, "nested too deeply", "", "at most 16 levels", ""});
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
}

json read_document(const std::string& path) {
  std::error_code error;
  std::ifstream file(path, std::ios::binary);
  if (!std::filesystem::is_regular_file(path, error) || !file)
    throw DataError(Fault{path, "cannot be read", "", "a dataset.json", "check `root` and `msd`"});
  if (std::filesystem::file_size(path, error) > largest_file)
    throw DataError(Fault{path, "too large", "", "at most 16 MiB of JSON", ""});
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  check_depth(text, path);
  try {
    return json::parse(text);
  } catch (const json::exception& fault) {
    throw DataError(Fault{path, "no JSON", fault.what(), "a dataset.json", ""});
  }
}

std::optional<std::int64_t> number_in(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  MsdFile read() {
    const auto document = read_document(path_);
    const auto labels = document.find("labels");
    if (document.is_object() && labels != document.end() && labels->is_object()) {
      read_labels(*labels);
    } else {
      fault("has no labels", "", "\"labels\": { ... }");
    }
    if (document.is_object()) {
      read_pairs(document, "training", "train");
      read_pairs(document, "validation", "validation");
    }
    if (!faults_.empty()) throw DataError(faults_);
    return std::move(out_);
  }

 private:
  void fault(const std::string& what, const std::string& got = "", const std::string& expected = "") {
    faults_.push_back({path_, what, got, expected, ""});
  }

  void add(const std::string& name, std::int64_t value) {
    if (value < 0 || value > largest_value)
      return fault("label '" + name + "' has no label value", std::to_string(value), "0 to 65535");
    if (name == "ignore") {
      out_.ignore.push_back(value);
    } else if (value != 0) {
      values_[name].insert(value);
    }
  }

  void read_labels(const json& labels) {
    for (const auto& [key, entry] : labels.items()) {
      const auto number = number_in(key);
      if (number && entry.is_string()) {
        add(entry.get<std::string>(), *number);
      } else if (entry.is_number_integer()) {
        add(key, entry.get<std::int64_t>());
      } else if (entry.is_array() &&
                 std::all_of(entry.begin(), entry.end(), [](const auto& v) { return v.is_number_integer(); })) {
        for (const auto& value : entry) add(key, value.get<std::int64_t>());
      } else {
        fault("a label is none", key, "\"1\": \"liver\", \"liver\": 1 or \"tumour\": [1, 2]");
      }
    }
    for (const auto& [name, values] : values_) out_.labels.push_back({name, false, {values.begin(), values.end()}});
    if (out_.labels.empty()) fault("names no label but the background");
  }

  void read_pairs(const json& document, const char* list, const char* subset) {
    const auto pairs = document.find(list);
    if (pairs == document.end()) return;
    if (!pairs->is_array()) return fault(std::string("`") + list + "` is no list");
    for (const auto& pair : *pairs) {
      const auto image = path_in(pair, "image"), labels = path_in(pair, "label");
      if (image && labels) {
        out_.pairs.push_back({*image, *labels, subset});
      } else {
        fault(std::string("an entry of `") + list + "` is no pair of files",
              pair.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 80),
              "{\"image\": path, \"label\": path}, inside the dataset");
      }
    }
  }

  static std::optional<std::string> path_in(const json& pair, const char* key) {
    const auto found = pair.is_object() ? pair.find(key) : pair.end();
    if (found == pair.end() || !found->is_string()) return std::nullopt;
    const auto path = std::filesystem::path(found->get<std::string>()).lexically_normal();
    if (path.empty() || path.is_absolute() || *path.begin() == "..") return std::nullopt;
    return path.generic_string();
  }

  std::string path_;
  MsdFile out_;
  std::map<std::string, std::set<std::int64_t>> values_;
  std::vector<Fault> faults_;
};

}  // namespace

MsdFile read_msd(const std::string& path) { return Reader(path).read(); }

}  // namespace sam3lab::datasets::volume_folder
