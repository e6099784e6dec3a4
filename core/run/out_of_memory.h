// No memory left, said with what can be done about it.
#pragma once
#include <string>

namespace sam3lab {

[[noreturn]] void rethrow_with_out_of_memory_hint(
    const std::string& phase);  // in a catch block; other errors go on as they are

// Runs `work`; where memory ran out in it, the error is a NumericError that says where and names the three knobs: what a step
// holds at once, what is recomputed and kept, and the size and precision of the model.
template <class Work>
void with_out_of_memory_hint(const std::string& phase, const Work& work) {
  try {
    work();
  } catch (...) {
    rethrow_with_out_of_memory_hint(phase);
  }
}

}  // namespace sam3lab
