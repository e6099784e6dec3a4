// Turns "out of memory" into an error that says what to do.
#pragma once
#include <string>

namespace sam3lab {

[[noreturn]] void rethrow_with_out_of_memory_hint(
    const std::string& phase);  // in a catch block; other errors go on as they are

// Runs `work`. Where memory runs out, throws NumericError that names the phase and the options that help: images per step, what
// is kept and computed again, size and precision of the model.
template <class Work>
void with_out_of_memory_hint(const std::string& phase, const Work& work) {
  try {
    work();
  } catch (...) {
    rethrow_with_out_of_memory_hint(phase);
  }
}

}  // namespace sam3lab
