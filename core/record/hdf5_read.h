// Reading objects of an HDF5 file that may come from a stranger. Types, ranks and sizes are checked before memory is taken for
// them; only what a result is made of is followed: hard links, contiguous data inside the file, no filters. Anything else is a
// DataError.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "core/record/hdf5.h"
#include "core/record/table.h"

namespace sam3lab::hdf5 {

inline constexpr hsize_t most_rows = 100'000'000;
inline constexpr std::size_t longest_text = std::size_t{16} << 20;  // bytes
inline constexpr std::size_t all_texts = std::size_t{1} << 30;      // bytes of one dataset's texts together

Node open_group(const Node& parent, const std::string& name);
std::vector<std::string> names_in(const Node& group);

using AttributeValue = std::variant<std::int64_t, double, bool, std::string>;
// Scalar attributes of these types; others, which somebody added later, are left out.
std::map<std::string, AttributeValue> read_attributes(const Node& node);

std::string read_text(const Node& parent, const std::string& name);
std::vector<std::string> read_texts(const Node& parent, const std::string& name);
Table read_table(const Node& parent, const std::string& name);

}  // namespace sam3lab::hdf5
