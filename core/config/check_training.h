// Options of [train] that only fit together, or with other tables.
#pragma once
#include <vector>

#include <sam3lab/api/error.h>

#include "core/config/experiment.h"

namespace sam3lab {

// `where`: the file, for faults that no single line has.
std::vector<Fault> training_faults(const Experiment& experiment, const std::string& where);

}  // namespace sam3lab
