// Moves batches to the device of the model. Images are read, augmented and packed on the CPU.
#pragma once
#include <c10/core/Device.h>

#include <sam3lab/api/backbone.h>
#include <sam3lab/api/batch.h>

namespace sam3lab {

// The batch with all its tensors on `device`. Tensors that are there already are not copied.
Batch on_device(Batch batch, c10::Device device);

// The device of the model's parameters; the CPU if it has none.
c10::Device device_of(Backbone& model);

}  // namespace sam3lab
