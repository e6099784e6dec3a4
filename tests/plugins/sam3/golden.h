// Golden files of the published package (scripts/golden), and the models that they are about.
#pragma once
#include <map>
#include <string>

#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "core/tensor/safetensors.h"
#include "plugins/backbones/sam3/model/model.h"
#include "tests/plugins/sam3/formula.h"

namespace sam3lab::golden {

using Named = std::map<std::string, at::Tensor>;

struct Golden {
  Named tensors;
  std::map<std::string, std::string> meta;
};

inline Golden read(const std::string& name) {
  TensorFile file = read_safetensors(std::string(SAM3LAB_SOURCE_DIR) + "/tests/golden/" + name + ".safetensors");
  return {Named(file.tensors.begin(), file.tensors.end()), {file.metadata.begin(), file.metadata.end()}};
}

struct FromJson {
  const nlohmann::json& json;
  template <class T>
  void operator()(const char* name, T& field, const Limits& = {}) {
    field = json.at(name).get<T>();
  }
};

inline sam3::Sam3Options options_of(const Golden& golden) {
  sam3::Sam3Options options;
  const nlohmann::json sizes = nlohmann::json::parse(golden.meta.at("sizes"));
  options.size = "tiny";
  options.sizes.visit(FromJson{sizes});
  options.dropout = options.drop_path = 0.0;
  return options;
}

inline void fill(Backbone& model) {
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : model.parameters()) tensor.copy_(formula::weight(name, tensor.sizes()));
}

inline at::Tensor images(const Golden& golden, std::int64_t side) {
  return formula::uniform("images", {std::stol(golden.meta.at("images")), 3, side, side}).to(at::kFloat);
}

}  // namespace sam3lab::golden
