// Random starts of all weights.
#pragma once
#include <cstdint>

#include <sam3lab/api/backbone.h>

namespace sam3lab::sam3 {

// Distributions of the published package's constructors. Each tensor draws from a stream of its own, made of `seed` and its
// name: the global generator is neither read nor moved, and a tensor's start does not hang on what else the model holds.
void initialise_weights(const NamedTensors& parameters, std::uint64_t seed);

}  // namespace sam3lab::sam3
