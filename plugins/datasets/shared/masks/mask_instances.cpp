// Numbered objects: each pixel holds the number of its object, and perhaps a second map its type.
#include <algorithm>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <torch/types.h>

#include <sam3lab/api/arrays.h>
#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

#include "plugins/datasets/shared/masks/mask_file.h"

namespace sam3lab::datasets::masks {
namespace {

// Object -> its labels: those of the type that most of its pixels have; of two equally common ones the lower.
std::map<std::int32_t, std::vector<std::size_t>> labels_by_type(const at::Tensor& objects, const MaskReader& reader,
                                                                const MaskFile& file, const FoundMasks& found) {
  const auto types = whole_numbers(read_array(file.path, reader.options.type_variable), file.path);
  check_size(types, found, file.path);
  std::map<std::int32_t, std::map<std::int32_t, std::int64_t>> counts;
  const auto *numbers = objects.data_ptr<std::int32_t>(), *values = types.data_ptr<std::int32_t>();
  for (std::int64_t i = 0; i < objects.numel(); ++i) ++counts[numbers[i]][values[i]];
  std::map<std::int32_t, std::vector<std::size_t>> labels;
  const auto& options = reader.options;
  const auto nothing = [&](std::int64_t value) {
    return std::find(options.background.begin(), options.background.end(), value) != options.background.end();
  };
  for (const auto& [object, of_type] : counts) {
    const auto type = std::max_element(of_type.begin(), of_type.end(), [](const auto& a, const auto& b) {
                        return a.second < b.second;
                      })->first;
    auto& of_object = labels[object];
    for (std::size_t t = 0; t < reader.table.size(); ++t) {
      const auto& entry = reader.table[t];
      const bool listed = std::find(entry.values.begin(), entry.values.end(), type) != entry.values.end();
      if (listed || (entry.nonzero && type != 0)) of_object.push_back(t);
    }
    if (of_object.empty() && !nothing(object) && !nothing(type) && options.other == "error") {
      throw DataError(Fault{file.path, "values outside of the encoding", fmt::format("object {} of type {}", object, type),
                            "a type of the label table",
                            "add the type to the table or to `background`, or set other = \"background\""});
    }
  }
  return labels;
}

at::Tensor numbers_of(const MaskReader& reader, const std::string& path) {
  if (reader.options.encoding == "mat") return whole_numbers(read_array(path, reader.options.variable), path);
  return read_label_raster(path);
}

}  // namespace

void read_instances(const MaskReader& reader, const MaskFile& file, FoundMasks& found) {
  const auto objects = numbers_of(reader, file.path);
  check_size(objects, found, file.path);
  const auto& options = reader.options;
  const bool typed = !options.type_variable.empty();
  const auto labels = typed ? labels_by_type(objects, reader, file, found) : std::map<std::int32_t, std::vector<std::size_t>>();
  const std::vector<std::size_t> all = {file.label};
  const auto contains = [](const Integers& values, std::int64_t value) {
    return std::find(values.begin(), values.end(), value) != values.end();
  };
  // Object -> where its pixels go; one canvas a label, or one an object and label.
  std::map<std::int32_t, std::vector<bool*>> canvases;
  const auto canvases_of = [&](std::int32_t object) {
    std::vector<bool*> to;
    if (contains(options.background, object) || contains(options.ignore, object)) return to;
    for (const auto label : typed ? labels.at(object) : all) to.push_back(found.canvas(label).data_ptr<bool>());
    return to;
  };
  const auto* from = objects.data_ptr<std::int32_t>();
  const std::vector<bool*>* to = nullptr;
  for (std::int64_t i = 0; i < objects.numel(); ++i) {
    if (to == nullptr || from[i] != from[i - 1]) {
      auto known = canvases.find(from[i]);
      if (known == canvases.end()) known = canvases.emplace(from[i], canvases_of(from[i])).first;
      to = &known->second;
    }
    for (auto* canvas : *to) canvas[i] = true;
  }
  for (const auto value : options.ignore) found.ignore(objects == value);
}

}  // namespace sam3lab::datasets::masks
