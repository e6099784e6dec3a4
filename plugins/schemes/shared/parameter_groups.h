// Parameter groups with their rates, for every scheme.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sam3lab/api/scheme.h>

namespace sam3lab::schemes {

// A parameter's rate is train.learning_rate times the scale of its part, further times decay^(L + 1 - i) in layer i of a part
// of L blocks that has layer decay (i as in ParameterLocation: 0 for embeddings, k + 1 for block k, L + 1 behind the blocks).
// Source: layer_decay_param_modifier of the package's sam3/train/optim/optimizer.py.
struct RateRule {
  std::map<std::string, double> scales;       // by part; 1 for a part that is not named; 0: it does not train
  std::map<std::string, double> layer_decay;  // by part
  bool spare_positions = false;               // position embeddings keep the scale of their part
  bool decay_vectors = false;                 // weight decay also for norms and biases (parameters of one dimension)
  std::vector<std::pair<std::string, double>> patterns{};  // scale that replaces all of the above; the last that matches counts
};

// Groups of equal rate and decay over `parameters`: those of `model`, or what a scheme added below their names. Sets
// requires_grad on each of them (false where the scale is 0; those are in no group). A group is named by the module path that
// its parameters share, then ".no_decay" without weight decay; order is that of first appearance. UsageError for a pattern or a
// part that matches nothing in the model, and for layer decay in a part without layers.
std::vector<ParameterGroup> parameter_groups(Backbone& model, const NamedTensors& parameters, const RateRule& rule,
                                             const SchemeInput& input);

// Which of `names` match any of the shell patterns ("*.attn.qkv.*"; * also crosses dots), in the order of `names`. UsageError
// that names `option` for a pattern that matches none.
std::vector<std::string> matching(const std::vector<std::string>& names, const Texts& patterns, const std::string& option);
bool matches(const std::string& pattern, const std::string& name);
std::vector<std::string> names_of(const NamedTensors& tensors);
// requires_grad = false for every parameter of the model.
void freeze(Backbone& model);

// Scales by pattern into `rule`. UsageError if there are not as many scales as patterns.
void add_patterns(const Texts& patterns, const Numbers& scales, RateRule& rule);

// Options of a RateRule that schemes share; a scheme's own options visit them beside theirs.
struct RateOptions {
  double vision = 1.0, text = 1.0, transformer = 1.0, segmentation = 1.0, geometry = 1.0, scoring = 1.0;
  bool decay_norms_and_biases = false;
  template <class V>
  void visit(V&& v) {
    v("vision", vision, at_least(0.0).about("scale of train.learning_rate for the image encoder and neck"));
    v("text", text, at_least(0.0).about("for the text encoder"));
    v("transformer", transformer, at_least(0.0).about("for the fusion encoder and the query decoder"));
    v("segmentation", segmentation, at_least(0.0).about("for the mask heads"));
    v("geometry", geometry, at_least(0.0).about("for the encoder of box prompts"));
    v("scoring", scoring, at_least(0.0).about("for the scoring of object queries"));
    v("decay_norms_and_biases", decay_norms_and_biases, about("apply weight decay to vectors (norms, biases) as well"));
  }
  [[nodiscard]] RateRule rule() const;
};

// Layer decay and rates by pattern, for schemes that offer them.
struct LayerDecayOptions {
  double layer_decay = 1.0;
  Texts decayed_parts = {"vision"};
  bool spare_positions = true;
  Texts patterns = {};
  Numbers pattern_scales = {};
  template <class V>
  void visit(V&& v) {
    v("layer_decay", layer_decay,
      more_than(0.0).at_most(1.0).about("further scale decay^(L + 1 - i) for layer i of L blocks; i = 0 for embeddings"));
    v("decayed_parts", decayed_parts, about("parts of the model with layer decay: vision, text, ..."));
    v("spare_positions", spare_positions, about("position embeddings keep the scale of their part, as in SAM3's recipe"));
    v("patterns", patterns,
      about("parameters with a scale of their own, e.g. \"transformer.encoder.*\"; the last match counts"));
    v("pattern_scales", pattern_scales, at_least(0.0).about("of each pattern: replaces scale of the part and layer decay"));
  }
  // Adds to `rule`; UsageError as add_patterns.
  void add_to(RateRule& rule) const;
};

}  // namespace sam3lab::schemes
