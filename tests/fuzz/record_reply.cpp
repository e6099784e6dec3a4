// What the child process that reads a result sends back: it may have died, or been taken over, on the way.
#include "core/record/pack.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;

SAM3LAB_FUZZ_TARGET(record_reply) {
  return fuzz::accepts([&] {
    RunRecord record;
    Unpack unpack(bytes);
    unpack(record);
    Pack pack;
    pack(record);
    fuzz::promise(!pack.bytes().empty());
  });
}
