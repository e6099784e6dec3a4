// What the child process that reads a result sends back: it may have died, or been taken over, on the way.
#include "core/record/pack.h"
#include "tests/fuzz/target.h"
#include "tests/support/record_sample.h"

using namespace sam3lab;

namespace {

// The corpus may be of an older layout; today's must come back.
bool comes_back() {
  RunRecord record = test::sample_record(), again;
  Pack pack;
  pack(record);
  Unpack unpack(pack.bytes());
  unpack(again);
  return again.name == record.name && again.datasets.size() == record.datasets.size();
}

}  // namespace

SAM3LAB_FUZZ_TARGET(record_reply) {
  static const bool same = comes_back();
  fuzz::promise(same);
  return fuzz::accepts([&] {
    RunRecord record;
    Unpack unpack(bytes);
    unpack(record);
    Pack pack;
    pack(record);
    fuzz::promise(!pack.bytes().empty());
  });
}
