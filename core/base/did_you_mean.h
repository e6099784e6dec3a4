// Names: what a plugin needs beside the model's own ones.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <sam3lab/api/export.h>

namespace sam3lab {

// What Hugging Face's port of SAM3 (transformers `Sam3Model`) calls a parameter of the published checkpoint: one name; three
// where query, key and value are one tensor here (rows in this order); none where the port has no equal.
SAM3LAB_API std::vector<std::string> names_in_transformers(std::string_view parameter);

// "did you mean 'a', 'b' or 'c'?", the nearest of `known` to a mistyped word; empty where none is near.
SAM3LAB_API std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

}  // namespace sam3lab
