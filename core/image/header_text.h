// Words and numbers in headers that are text.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <sam3lab/api/image.h>
#include "core/image/codecs.h"
#include "core/image/voxels.h"

namespace sam3lab {

std::string trimmed(std::string_view text);
std::string lower(std::string_view text);
std::vector<std::string> words_in(std::string_view text);
// The first `count` words as numbers, no more and no fewer than there are; count 0: any. DataError names `name` and `field`.
std::vector<double> numbers_in(std::string_view text, const std::string& name, const std::string& field, std::size_t count = 0);
std::vector<std::int64_t> integers_in(std::string_view text, const std::string& name, const std::string& field,
                                      std::size_t count = 0);

// A volume of one slice, or of three slices or channels (`volumes`, one a channel) that are red, green and blue -> an image.
// DataError for other sizes and for values that are not whole numbers of 0 to 65535.
Pixels image_of_volumes(const std::vector<at::Tensor>& volumes, NumberType type, const std::string& name);

}  // namespace sam3lab
