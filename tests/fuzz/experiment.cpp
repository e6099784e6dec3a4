// A whole experiment file: layers, grid, schemas. base.toml, which it may extend, lies beside it.
#include "core/config/read.h"
#include "core/config/resolved.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;

namespace {

struct Options {
  double weight = 1;
  std::int64_t count = 2;
  bool flag = false;
  std::string word = "a", file;
  Integers integers = {1, 2};
  Texts texts;
  Dictionary dictionary;
  template <class V>
  void visit(V&& v) {
    v("weight", weight, more_than(0).about("a number"));
    v("count", count, between(1, 9).about("an integer"));
    v("flag", flag, about("a flag"));
    v("word", word, one_of({"a", "b"}).about("a word"));
    v("file", file, Limits().path().about("a file"));
    v("integers", integers, Limits().length(2).about("integers"));
    v("texts", texts, about("texts"));
    v("dictionary", dictionary, about("texts by name"));
  }
};

Catalogue catalogue() {
  Catalogue made;
  for (const auto slot : slots) {
    for (const char* name : {"one", "two"}) made[std::string(slot)][name] = {"a plugin", schema_of<Options>()};
  }
  return made;
}

}  // namespace

SAM3LAB_FUZZ_TARGET(experiment) {
  static const Catalogue plugins = catalogue();
  static const std::string base = fuzz::as_file("[train]\nsteps = 3\n[loss.one]\nweight = 2\n", "base.toml");
  const std::string file = fuzz::as_file(bytes, "experiment.toml");
  return fuzz::accepts([&] {
    const auto cells = read_cells({file, {}}, plugins);
    fuzz::promise(!cells.empty());
    (void)read_cells({file, {"train.steps=7", "seeds=[1]"}}, plugins);
  });
}
