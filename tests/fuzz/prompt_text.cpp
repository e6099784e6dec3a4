// Any bytes as the text of a prompt: repair, character references, cleaning, tokens. Text is never refused.
#include "plugins/backbones/sam3/text/text_cleaning.h"
#include "plugins/backbones/sam3/text/tokenizer.h"
#include "plugins/backbones/sam3/text/vocabulary.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;

SAM3LAB_FUZZ_TARGET(prompt_text) {
  static const sam3::Tokenizer tokenizer(sam3::find_vocabulary(""));
  const std::string text(bytes);
  const std::u32string clean = sam3::clean_text(text);
  (void)sam3::to_utf8(sam3::unescape(sam3::from_utf8(text)));
  for (const auto id : tokenizer.encode(text)) fuzz::promise(id >= 0 && id < sam3::Tokenizer::vocabulary_size);
  const auto row = tokenizer.row(text, 32);
  fuzz::promise(row.size() == 32 && row.front() == sam3::Tokenizer::start);
  return true;
}
