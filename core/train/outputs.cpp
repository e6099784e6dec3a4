#include "core/train/outputs.h"

#include <algorithm>
#include <numeric>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

namespace sam3lab {
namespace {

std::vector<at::Tensor> flat(Outputs& outputs) {
  std::vector<at::Tensor> tensors;
  for_each_tensor(outputs, [&](at::Tensor& tensor) { tensors.push_back(tensor); });
  return tensors;
}

bool runs_over(const at::Tensor& tensor, const Batch& batch) {
  return tensor.defined() && tensor.dim() > 0 &&
         (tensor.size(0) == batch.image_index.size(0) || tensor.size(0) == batch.images.size(0));
}

}  // namespace

JoinedOutputs::JoinedOutputs(std::vector<Outputs> parts, const std::vector<Batch>& batches) {
  for (const auto& [name, tensor] : parts.front().extras) {
    bool everywhere = true;
    for (std::size_t p = 0; p < parts.size(); ++p) {
      const auto found = parts[p].extras.find(name);
      everywhere = everywhere && found != parts[p].extras.end() && runs_over(found->second, batches[p]) &&
                   found->second.sizes().slice(1) == tensor.sizes().slice(1);
    }
    if (everywhere) extras_.push_back(name);
  }
  std::vector<std::vector<at::Tensor>> tensors;
  for (auto& part : parts) {
    keep_common_extras(part);
    tensors.push_back(flat(part));
  }
  joined_ = parts.front();
  std::size_t i = 0;
  for_each_tensor(joined_, [&](at::Tensor& tensor) {
    auto& rows = rows_.emplace_back();
    std::vector<at::Tensor> pieces;
    for (const auto& of_part : tensors) {
      if (!of_part[i].defined()) continue;
      pieces.push_back(of_part[i]);
      rows.push_back(of_part[i].size(0));
    }
    if (!pieces.empty()) tensor = at::cat(pieces).detach();
    if (!pieces.empty() && tensor.is_floating_point()) tensor.requires_grad_();
    ++i;
  });
}

void JoinedOutputs::keep_common_extras(Outputs& outputs) const {
  std::erase_if(outputs.extras,
                [this](const auto& item) { return std::find(extras_.begin(), extras_.end(), item.first) == extras_.end(); });
}

void JoinedOutputs::backward(std::size_t p, Outputs part) const {
  keep_common_extras(part);
  auto joined = joined_;
  const auto leaves = flat(joined), roots = flat(part);
  std::vector<at::Tensor> tensors, gradients;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (!leaves[i].defined() || !leaves[i].grad().defined() || !roots[i].requires_grad()) continue;
    const auto& rows = rows_[i];
    const auto begin = std::accumulate(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(p), std::int64_t{0});
    tensors.push_back(roots[i]);
    gradients.push_back(leaves[i].grad().narrow(0, begin, rows[p]));
  }
  if (!tensors.empty()) torch::autograd::backward(tensors, gradients);
}

}  // namespace sam3lab
