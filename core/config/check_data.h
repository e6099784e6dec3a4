// Options of [dataset.NAME], [data] and [split] that only fit together, and data that must not be used as they are.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sam3lab/api/error.h>

#include "core/config/experiment.h"

namespace sam3lab {

// `where`: the file, for faults that no single line has.
std::vector<Fault> data_faults(const Experiment& experiment, const std::string& where);

// "site=A" -> {"site", "A"}; the first is empty where the text is no selector of split.leave_out.
std::pair<std::string, std::string> split_selector(std::string_view text);

}  // namespace sam3lab
