// Batches where the model computes. Images are read, augmented and packed on the CPU.
#pragma once
#include <c10/core/Device.h>

#include <sam3lab/api/backbone.h>
#include <sam3lab/api/batch.h>

namespace sam3lab {

// All tensors of a batch; those that are there already are not copied.
Batch on_device(Batch batch, c10::Device device);

// Where the model's parameters are; the CPU if it has none.
c10::Device device_of(Backbone& model);

}  // namespace sam3lab
