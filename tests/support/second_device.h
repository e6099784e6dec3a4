// A device beside the CPU on machines that have none: the CPU under another device type, whose operators refuse tensors of
// both. What runs there has every tensor in its place, as it must on a GPU, and gives values that can be compared.
#pragma once
#include <c10/core/Device.h>

namespace sam3lab {

// Any program that links the source file has it. Its type is Habana's, because LibTorch lets a parameter change to that one in
// place, as for CUDA, and because nothing else here uses it.
inline c10::Device second_device() { return {c10::DeviceType::HPU, 0}; }

}  // namespace sam3lab
