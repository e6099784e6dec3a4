// A compound dataset held by columns.
#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/record/hdf5.h"

namespace sam3lab::hdf5 {

using IntegerColumn = std::vector<std::int64_t>;
using NumberColumn = std::vector<double>;
using FlagColumn = std::vector<bool>;
using TextColumn = std::vector<std::string>;

struct Column {
  std::string name;
  std::variant<IntegerColumn, NumberColumn, FlagColumn, TextColumn> values;
  std::string unit;  // empty: none; written as attribute "unit/<name>" of the dataset

  [[nodiscard]] std::size_t rows() const {
    return std::visit([](const auto& v) { return v.size(); }, values);
  }
};

using Table = std::vector<Column>;  // columns of equal length

// The column of that name and kind, or a DataError.
template <class Values>
const Values& column(const Table& table, const std::string& name, const Location& location) {
  for (const Column& candidate : table) {
    if (candidate.name != name) continue;
    if (const auto* values = std::get_if<Values>(&candidate.values)) return *values;
    refuse(location, "column '" + name + "' has another type");
  }
  refuse(location, "column '" + name + "' is missing");
}

}  // namespace sam3lab::hdf5
