// Where a cell computes.
#pragma once
#include "core/config/train_options.h"
#include "core/tensor/device.h"

namespace sam3lab {

class Ranks;

// What train.device says. Ranks take the GPU of their number on their machine; under `auto` all of them take the CPU where one
// has none, and so do several copies, which work side by side on the CPU alone. A call of all ranks. UsageError as
// choose_device() throws it.
ChosenDevice device_of_cell(const TrainOptions& train, const Ranks* ranks);

// The same for many cells before the first of them starts: UsageError for a device that none of them will find. Asks in a
// process of its own, for a GPU that has been asked cannot be used by processes that are forked later.
void refuse_missing_device(const std::string& wanted);

}  // namespace sam3lab
