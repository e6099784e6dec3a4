#include "core/run/out_of_memory.h"

#include <new>
#include <string_view>

#include <c10/util/Exception.h>

#include <sam3lab/api/error.h>

namespace sam3lab {
namespace {

[[noreturn]] void refuse(const std::string& phase, std::string what) {
  what = what.substr(0, what.find('\n'));
  throw NumericError(Fault{
      phase, "out of memory", what, "",
      "lower train.images_per_step (or raise train.accumulate); set train.memory = \"disk\" or \"lean\", and let the "
      "backbone compute activations again if it offers that; or take a smaller backbone or train.precision = \"bfloat16\""});
}

}  // namespace

void rethrow_with_out_of_memory_hint(const std::string& phase) {
  try {
    throw;
  } catch (const std::bad_alloc& error) {
    refuse(phase, error.what());
  } catch (const c10::OutOfMemoryError& error) {
    refuse(phase, error.what_without_backtrace());
  } catch (const c10::Error& error) {
    const std::string_view what = error.what_without_backtrace();
    // The CPU allocator has no type of its own for it.
    if (what.find("can't allocate memory") == std::string_view::npos) throw;
    refuse(phase, std::string(what));
  }
}

}  // namespace sam3lab
