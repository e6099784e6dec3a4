#include "plugins/datasets/coco/coco_stream.h"

#include <filesystem>
#include <fstream>
#include <vector>

#include <sam3lab/api/error.h>

namespace sam3lab::datasets::coco {
namespace {

using nlohmann::json;

constexpr std::uintmax_t largest_file = std::uintmax_t{1} << 30;  // bytes
constexpr std::size_t deepest = 16, most_values = std::size_t{1} << 22;
constexpr std::size_t depth_of_entry = 3;  // { "images": [ {

// Receives what the parser sees. An entry is built as a small document, handed over, and forgotten.
class Entries final : public nlohmann::json_sax<json> {
 public:
  Entries(std::string path, const TakeEntry& take) : path_(std::move(path)), take_(take) {}

  bool null() override { return value(nullptr); }
  bool boolean(bool v) override { return value(v); }
  bool number_integer(number_integer_t v) override { return value(v); }
  bool number_unsigned(number_unsigned_t v) override { return value(v); }
  bool number_float(number_float_t v, const string_t&) override { return value(v); }
  bool string(string_t& v) override { return value(std::move(v)); }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (depth_ == 1) list_ = name;
    key_ = std::move(name);
    return true;
  }
  [[noreturn]] bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    throw DataError(Fault{path_, "no JSON", error.what(), "an annotation file of the COCO format", ""});
  }

 private:
  json* attach(json&& made) {
    if (++values_ > most_values) {
      throw DataError(Fault{path_, "an entry of '" + list_ + "' is too large", "", "at most 4194304 values", ""});
    }
    auto& parent = *inside_.back();
    if (parent.is_object()) return &(parent[key_] = std::move(made));
    parent.push_back(std::move(made));
    return &parent.back();
  }
  bool value(json&& v) {
    if (!inside_.empty()) attach(std::move(v));
    return true;
  }
  bool open(json&& empty) {
    if (++depth_ > deepest) throw DataError(Fault{path_, "nested too deeply", "", "at most 16 levels", ""});
    if (depth_ == 1) whole_is_object_ = empty.is_object();
    if (depth_ == 2) in_list_ = empty.is_array() && whole_is_object_;
    if (!inside_.empty()) {
      inside_.push_back(attach(std::move(empty)));
    } else if (depth_ == depth_of_entry && in_list_ && empty.is_object()) {
      entry_ = std::move(empty);
      values_ = 0;
      inside_.push_back(&entry_);
    }
    return true;
  }
  bool close() {
    --depth_;
    if (inside_.empty()) return true;
    inside_.pop_back();
    if (inside_.empty()) {
      take_(list_, entry_);
      entry_ = nullptr;
    }
    return true;
  }

  std::string path_;
  const TakeEntry& take_;
  std::size_t depth_ = 0, values_ = 0;
  bool whole_is_object_ = false, in_list_ = false;
  std::string list_, key_;
  json entry_;
  std::vector<json*> inside_;  // the entry, and what is open in it
};

}  // namespace

void stream_entries(const std::string& path, const TakeEntry& take) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw DataError(Fault{path, "no such file", "", "a JSON file", "check the path"});
  }
  if (std::filesystem::file_size(path, error) > largest_file) {
    throw DataError(Fault{path, "too large", "", "at most 1 GiB of JSON", "cut it into parts"});
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) throw DataError(Fault{path, "cannot be read", "", "a JSON file", ""});
  Entries entries(path, take);
  json::sax_parse(file, &entries);
}

}  // namespace sam3lab::datasets::coco
