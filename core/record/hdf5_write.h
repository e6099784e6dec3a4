// Writing objects of an HDF5 file. Names come from experiments: one that HDF5 would read as a path is refused with a DataError.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/record/hdf5.h"
#include "core/record/table.h"

namespace sam3lab::hdf5 {

Node make_group(const Node& parent, const std::string& name);

// Attributes. A text must not hold a zero byte, which would cut it short.
void put_text(const Node& node, const std::string& name, const std::string& value);
void put_integer(const Node& node, const std::string& name, std::int64_t value);
void put_number(const Node& node, const std::string& name, double value);
void put_flag(const Node& node, const std::string& name, bool value);

// Datasets: one text, a list of texts, a table.
void write_text(const Node& parent, const std::string& name, const std::string& text);
void write_texts(const Node& parent, const std::string& name, const std::vector<std::string>& texts);
void write_table(const Node& parent, const std::string& name, const Table& table);

}  // namespace sam3lab::hdf5
