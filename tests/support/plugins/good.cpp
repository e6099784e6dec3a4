// A sound plugin: one metric with one option of each type, one prompt without any.
#include <sam3lab/plugin.h>

namespace {

struct Options {
  double factor = 1.0;
  std::int64_t count = 2;
  bool flag = false;
  std::string mode = "plain", file;
  sam3lab::Numbers numbers = {1.0, 2.0};
  sam3lab::Texts texts;
  sam3lab::Dictionary table;

  template <class V>
  void visit(V&& v) {
    v("factor", factor, sam3lab::between(0, 10).unit("mm").about("multiplies the score"));
    v("count", count, sam3lab::at_least(1));
    v("flag", flag);
    v("mode", mode, sam3lab::one_of({"plain", "fancy"}));
    v("file", file, sam3lab::Limits().path());
    v("numbers", numbers, sam3lab::more_than(0).length(2));
    v("texts", texts);
    v("table", table);
  }
};

class Score final : public sam3lab::Metric {
 public:
  explicit Score(Options options) : options_(std::move(options)) {}
  std::optional<double> score(const sam3lab::MetricInput&) const override {
    return options_.factor * static_cast<double>(options_.count);
  }
  sam3lab::MetricInfo info() const override {
    sam3lab::MetricInfo info;
    info.highest = 1000.0;
    info.definition = "factor x count";
    return info;
  }

 private:
  Options options_;
};

class Echo final : public sam3lab::Prompt {
 public:
  std::string text(const std::string& label) const override { return label; }
  std::vector<sam3lab::PromptQuery> queries(const sam3lab::PromptInput& input, sam3lab::Random&) const override {
    std::vector<sam3lab::PromptQuery> asked;
    for (const auto& one : input.present) asked.push_back({one.label, one.text, true});
    return asked;
  }
};

}  // namespace

SAM3LAB_PLUGIN(good) {
  reg.add<sam3lab::Metric, Score, Options>("test_score", "factor x count");
  reg.add<sam3lab::Prompt, Echo>("test_echo", "the label is the text");
}
