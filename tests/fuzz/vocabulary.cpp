// The tokenizer's file of merges, packed or not.
#include "plugins/backbones/sam3/text/tokenizer.h"
#include "plugins/backbones/sam3/text/vocabulary.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;

SAM3LAB_FUZZ_TARGET(vocabulary) {
  const std::string file = fuzz::as_file(bytes);
  const bool unpacked = fuzz::accepts([&] { fuzz::promise(sam3::read_gzip(file, 1 << 20).size() <= 1 << 20); });
  fuzz::accepts([&] { (void)sam3::Tokenizer(file); });
  return unpacked;
}
