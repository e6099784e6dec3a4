// Names of SAM3's parameters in Hugging Face transformers' port (`Sam3Model`), and the way between them and ours ("bare").
// Ours are the published checkpoint's without `detector.`. Facts read from both state_dicts; every pair is tested name by name.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sam3lab::sam3 {

enum class Change {
  none,
  pack,        // query, key and value are one tensor here (rows in this order), three there
  transpose,   // a bare matrix here, a linear layer's weight there
  class_token  // [1, 1 + n, C] here, [1, n, C] there: the port leaves out the row that the model never reads
};

struct TransformersName {
  std::vector<std::string> names;  // one, or three for `pack`
  Change change = Change::none;
};
struct OwnName {
  std::string name;
  Change change = Change::none;
  std::size_t part = 0;  // of `pack`: 0 query, 1 key, 2 value
};

// Whether `own` starts like a name of the image model: "backbone.", "transformer.", ...
bool is_model_name(std::string_view own);

// Nothing for a name that the other side lacks.
std::optional<TransformersName> transformers_name(std::string_view own);
std::optional<OwnName> own_name(std::string_view theirs);

// What the port calls a parameter of ours, for adapters on layers of the port: one name; three where query, key and value are
// one tensor here (rows in this order); none where the port has no equal, or holds the values in another form.
std::vector<std::string> names_in_transformers(std::string_view parameter);

}  // namespace sam3lab::sam3
