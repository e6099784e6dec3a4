#include "core/tensor/pickle.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;

SAM3LAB_FUZZ_TARGET(pickle) {
  return fuzz::accepts([&] { (void)pickle::Pickle(bytes, "file").root(); });
}
