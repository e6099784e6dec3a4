// The device that a cell computes on.
#pragma once
#include "core/config/train_options.h"
#include "core/tensor/device.h"

namespace sam3lab {

class Ranks;

// The device for train.device. Each rank gets the GPU of its number on its machine. `auto` chooses the CPU for all ranks if one
// of them has no GPU, and for several replicas, which run in parallel only on the CPU. All ranks must make this call.
// UsageError as in choose_device().
ChosenDevice device_of_cell(const TrainOptions& train, const Ranks* ranks);

// Checks the device once before the cells of a grid start: UsageError if it is missing. The check runs in its own process,
// because a GPU that was used before a fork cannot be used after it.
void refuse_missing_device(const std::string& wanted);

}  // namespace sam3lab
