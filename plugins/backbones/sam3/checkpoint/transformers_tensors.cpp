#include "plugins/backbones/sam3/checkpoint/transformers_tensors.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <ATen/ATen.h>
#include <sam3lab/api/error.h>

#include "plugins/backbones/sam3/checkpoint/transformers_names.h"

namespace sam3lab::sam3 {
namespace {

constexpr std::string_view kept_prefix = "detector.", class_suffix = ".class_token";

bool all_bytes_zero(const at::Tensor& tensor) {
  const auto flat = tensor.contiguous();
  const auto* bytes = static_cast<const char*>(flat.const_data_ptr());
  return std::all_of(bytes, bytes + flat.nbytes(), [](char byte) { return byte == 0; });
}

DataError unfit(const std::string& where, const std::string& name, const at::Tensor& tensor, const std::string& expected) {
  std::string shape;
  for (const auto length : tensor.sizes()) shape += (shape.empty() ? "" : "x") + std::to_string(length);
  return DataError(
      Fault{where, "the shape of '" + name + "' does not fit its layout", shape.empty() ? "a scalar" : shape, expected, ""});
}

// The projections of point prompts, which the port lacks, as zeros of the width and type of their neighbour. It is a square
// matrix of the file, so that a hostile file gets no more memory than its own size.
Tensors point_projections(const Tensors& bare) {
  const auto model = bare.find("geometry_encoder.final_proj.weight");
  if (model == bare.end() || model->second.dim() != 2 || model->second.size(0) != model->second.size(1)) return {};
  const auto& square = model->second;
  const auto width = square.size(0);
  Tensors result;
  for (const auto& [part, inputs] : {std::pair("direct", std::int64_t{2}), {"pool", width}, {"pos_enc", width}}) {
    const auto name = std::string("geometry_encoder.points_") + part + "_project.";
    if (width < inputs) return {};
    result[name + "weight"] = at::zeros({width, inputs}, square.options());
    result[name + "bias"] = at::zeros({width}, square.options());
  }
  return result;
}

bool is_filling(const Tensors& filling, const std::string& name, const at::Tensor& tensor) {
  const auto found = filling.find(name);
  return found != filling.end() && found->second.sizes() == tensor.sizes() &&
         found->second.scalar_type() == tensor.scalar_type() && all_bytes_zero(tensor);
}

class FromTransformers {
 public:
  FromTransformers(const std::string& path, std::vector<std::string>& filled) : path_(path), filled_(filled) {}

  Tensors convert(const Tensors& theirs) {
    for (const auto& [name, tensor] : theirs) {
      if (const auto own = own_name(name)) {
        take(name, tensor, *own);
      } else {
        keep(std::string(name.starts_with(kept_prefix) ? std::string_view(name).substr(kept_prefix.size()) : name), tensor);
      }
    }
    for (auto& [name, parts] : packed_) join(name, parts);
    for (const auto& [name, grid] : grids_) put_class_token(name, grid);
    for (const auto& [name, zeros] : point_projections(result_)) {
      if (result_.emplace(name, zeros).second) filled_.push_back(name);
    }
    return std::move(result_);
  }

 private:
  using Parts = std::array<std::pair<std::string, at::Tensor>, 3>;  // each with the port's name

  void keep(const std::string& name, const at::Tensor& tensor) {
    if (!result_.emplace(name, tensor).second) {
      throw DataError(Fault{path_, "two names of the checkpoint mean the same parameter", name, "", ""});
    }
  }

  void take(const std::string& name, const at::Tensor& tensor, const OwnName& own) {
    switch (own.change) {
      case Change::none:
        return keep(own.name, tensor);
      case Change::pack:
        packed_[own.name].at(own.part) = {name, tensor};
        return;
      case Change::transpose:
        if (tensor.dim() != 2) throw unfit(path_, name, tensor, "a matrix");
        return keep(own.name, tensor.t());
      case Change::class_token:
        if (tensor.dim() != 3 || tensor.size(0) != 1 || tensor.numel() == 0) {
          throw unfit(path_, name, tensor, "1 x positions x channels");
        }
        grids_.emplace(own.name, tensor);
        return;
    }
  }

  // Empty tensors are refused: the sum of their lengths could pass 2^63. Parts of an incomplete triple stay under their own
  // names: a reader then says what is missing and what is too much.
  void join(const std::string& name, const Parts& parts) {
    const auto& query = parts[0].second;
    const bool complete = std::all_of(parts.begin(), parts.end(), [](const auto& part) { return part.second.defined(); });
    for (const auto& [theirs, tensor] : parts) {
      if (!complete && tensor.defined()) keep(theirs, tensor);
      if (complete && (tensor.dim() < 1 || tensor.numel() == 0 || tensor.sizes() != query.sizes() ||
                       tensor.scalar_type() != query.scalar_type())) {
        throw unfit(path_, theirs, tensor, "the shape and type of its query");
      }
    }
    if (complete) keep(name, at::cat({query, parts[1].second, parts[2].second}));
  }

  void put_class_token(const std::string& name, const at::Tensor& grid) {
    const auto kept = result_.find(name + std::string(class_suffix));
    at::Tensor row;
    if (kept == result_.end()) {
      row = at::zeros({1, 1, grid.size(2)}, grid.options());
      filled_.push_back(name + std::string(class_suffix));
    } else {
      row = kept->second;
      if (row.dim() != 3 || row.size(0) != 1 || row.size(1) != 1 || row.size(2) != grid.size(2) ||
          row.scalar_type() != grid.scalar_type()) {
        throw unfit(path_, kept->first, row, "one position of '" + name + "'");
      }
      result_.erase(kept);
    }
    keep(name, at::cat({row, grid}, 1));
  }

  const std::string& path_;
  std::vector<std::string>& filled_;
  Tensors result_, grids_;
  std::map<std::string, Parts> packed_;
};

}  // namespace

Tensors to_transformers(const Tensors& bare) {
  const auto filling = point_projections(bare);
  Tensors result;
  for (const auto& [name, tensor] : bare) {
    const auto theirs = transformers_name(name);
    // Names that are nobody's stay as they are.
    const auto kept = is_model_name(name) ? std::string(kept_prefix) + name : name;
    if (!theirs) {
      if (!is_filling(filling, name, tensor)) result.emplace(kept, tensor);
      continue;
    }
    switch (theirs->change) {
      case Change::none:
        result.emplace(theirs->names.front(), tensor);
        break;
      case Change::pack: {
        if (tensor.dim() < 1 || tensor.numel() == 0 || tensor.size(0) % 3 != 0)
          throw unfit(name, name, tensor, "rows of query, key and value");
        const auto rows = tensor.size(0) / 3;
        for (std::size_t part = 0; part < 3; ++part) {
          result.emplace(theirs->names.at(part), tensor.narrow(0, static_cast<std::int64_t>(part) * rows, rows));
        }
        break;
      }
      case Change::transpose:
        if (tensor.dim() != 2) throw unfit(name, name, tensor, "a matrix");
        result.emplace(theirs->names.front(), tensor.t());
        break;
      case Change::class_token: {
        if (tensor.dim() != 3 || tensor.size(0) != 1 || tensor.size(1) < 2 || tensor.numel() == 0)
          throw unfit(name, name, tensor, "1 x (1 + positions) x channels");
        result.emplace(theirs->names.front(), tensor.narrow(1, 1, tensor.size(1) - 1));
        const auto row = tensor.narrow(1, 0, 1);
        if (!all_bytes_zero(row)) result.emplace(kept + std::string(class_suffix), row);
        break;
      }
    }
  }
  return result;
}

Tensors from_transformers(const Tensors& theirs, const std::string& path, std::vector<std::string>& filled) {
  return FromTransformers(path, filled).convert(theirs);
}

}  // namespace sam3lab::sam3
