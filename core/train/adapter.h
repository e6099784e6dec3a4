// What a scheme added to a model in an earlier run, in a folder (STEM-adapter/): adapter_model.safetensors, and text files that
// say what its tensors mean.
#pragma once
#include <string>

#include <sam3lab/api/scheme.h>

#include "core/config/catalogue.h"
#include "core/config/experiment.h"

namespace sam3lab {

inline constexpr const char* adapter_weights = "adapter_model.safetensors";
inline constexpr const char* adapter_scheme = "sam3lab.scheme";  // key of its metadata: the [scheme] that made it

std::string adapter_file(const std::string& folder);

// The scheme that made the folder. DataError where the file is missing, damaged, or does not say it; UsageError for a scheme
// that is not there, or not with these options.
PluginChoice saved_scheme(const std::string& folder, const Catalogue& catalogue);

// Copies the folder's tensors into what the scheme has just added to a model; both must have the same names and shapes, and
// the text files must agree in all keys that are not null here. DataError that names what does not fit; nothing is changed
// then.
void load_adapter(const TrainableSet& trainable, const std::string& folder);

}  // namespace sam3lab
