#include "core/tensor/on_device.h"

#include <ATen/ATen.h>

namespace sam3lab {

Batch on_device(Batch batch, c10::Device device) {
  auto& [num_boxes, boxes, boxes_padded, masks, ignore] = batch.targets;
  auto& [prompts, labels, padding] = batch.box_prompts;
  for (auto* tensor :
       {&batch.images, &batch.image_index, &num_boxes, &boxes, &boxes_padded, &masks, &ignore, &prompts, &labels, &padding}) {
    if (tensor->defined()) *tensor = tensor->to(device);
  }
  return batch;
}

c10::Device device_of(Backbone& model) {
  const auto parameters = model.parameters();
  return parameters.empty() ? c10::Device(c10::kCPU) : parameters.front().second.device();
}

}  // namespace sam3lab
