// Random initial weights.
#pragma once
#include <cstdint>

#include <sam3lab/api/backbone.h>

namespace sam3lab::sam3 {

// Fills the weights with the distributions of the published package's constructors. Each tensor has its own random stream,
// which depends on `seed` and its name. So the global generator is not used, and a tensor does not depend on the rest of the
// model.
void initialise_weights(const NamedTensors& parameters, std::uint64_t seed);

}  // namespace sam3lab::sam3
