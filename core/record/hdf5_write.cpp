#include "core/record/hdf5_write.h"

#include <cstring>
#include <set>

namespace sam3lab::hdf5 {
namespace {

constexpr std::size_t longest_name = 255;  // bytes

void check_name(const Location& location, const std::string& name, bool link) {
  const bool path_like = link && (name.find('/') != std::string::npos || name == "." || name == "..");
  if (name.empty() || name.size() > longest_name || path_like || name.find('\0') != std::string::npos) {
    refuse(location, "no name for an object of a result", "'" + name.substr(0, longest_name) + "'",
           "1 to 255 bytes" + std::string(link ? " without '/'" : ""));
  }
}

const char* text_pointer(const Location& location, const std::string& text) {
  if (text.find('\0') != std::string::npos) refuse(location, "text with a zero byte in it");
  return text.c_str();
}

void put(const Node& node, const std::string& name, hid_t type, const void* value) {
  check_name(node.location, name, false);
  const Location location{node.location.file, node.location.path + "@" + name};
  const Space scalar(checked(H5Screate(H5S_SCALAR), location, "cannot be written"));
  const Attribute made(
      checked(H5Acreate2(node.object, name.c_str(), type, scalar, H5P_DEFAULT, H5P_DEFAULT), location, "cannot be written"));
  checked(H5Awrite(made, type, value), location, "cannot be written");
}

Node write_dataset(const Node& parent, const std::string& name, hid_t type, const Space& space, const void* values) {
  check_name(parent.location, name, true);
  const Location location = parent.location.below(name);
  const Properties creation(checked(H5Pcreate(H5P_DATASET_CREATE), location, "cannot be written"));
  // Without times inside, equal records are equal files.
  checked(H5Pset_obj_track_times(creation, false), location, "cannot be written");
  Object made(checked(H5Dcreate2(parent.object, name.c_str(), type, space, H5P_DEFAULT, creation, H5P_DEFAULT), location,
                      "cannot be written"));
  if (H5Sget_simple_extent_npoints(space) > 0) {
    checked(H5Dwrite(made, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), location, "cannot be written");
  }
  return {std::move(made), location};
}

Space row_space(std::size_t rows, const Location& location) {
  const hsize_t extent = rows;
  return Space(checked(H5Screate_simple(1, &extent, nullptr), location, "cannot be written"));
}

std::size_t cell_size(const Column& column) {
  return std::holds_alternative<FlagColumn>(column.values) ? sizeof(std::int8_t) : sizeof(std::int64_t);
}

Type cell_type(const Column& column) {
  if (std::holds_alternative<TextColumn>(column.values)) return text_type();
  if (std::holds_alternative<FlagColumn>(column.values)) return flag_type();
  return Type(H5Tcopy(std::holds_alternative<IntegerColumn>(column.values) ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE));
}

Type row_type(const Table& table, std::size_t row_size, const Location& location) {
  Type row(checked(H5Tcreate(H5T_COMPOUND, row_size), location, "cannot be written"));
  std::set<std::string> names;
  std::size_t offset = 0;
  for (const Column& column : table) {
    check_name(location, column.name, false);
    if (!names.insert(column.name).second) refuse(location, "two columns of one name", "'" + column.name + "'");
    const Type cell = cell_type(column);
    checked(H5Tinsert(row, column.name.c_str(), offset, cell), location, "cannot hold column '" + column.name + "'");
    offset += cell_size(column);
  }
  return row;
}

// Lays `column` into the rows of a packed buffer. Texts are pointers into the column, which outlives the buffer.
void lay(const Column& column, std::vector<char>& buffer, std::size_t offset, std::size_t row_size, const Location& location) {
  const auto store = [&](std::size_t row, auto cell) {
    std::memcpy(buffer.data() + row * row_size + offset, &cell, sizeof cell);
  };
  for (std::size_t row = 0; row < column.rows(); ++row) {
    if (const auto* integers = std::get_if<IntegerColumn>(&column.values)) store(row, (*integers)[row]);
    if (const auto* numbers = std::get_if<NumberColumn>(&column.values)) store(row, (*numbers)[row]);
    if (const auto* flags = std::get_if<FlagColumn>(&column.values))
      store(row, static_cast<std::int8_t>((*flags)[row] ? 1 : 0));
    if (const auto* texts = std::get_if<TextColumn>(&column.values)) store(row, text_pointer(location, (*texts)[row]));
  }
}

}  // namespace

Node make_group(const Node& parent, const std::string& name) {
  check_name(parent.location, name, true);
  const Location location = parent.location.below(name);
  return {Object(checked(H5Gcreate2(parent.object, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), location,
                         "cannot be written")),
          location};
}

void put_text(const Node& node, const std::string& name, const std::string& value) {
  const char* pointer = text_pointer(node.location, value);
  put(node, name, text_type(), &pointer);
}

void put_integer(const Node& node, const std::string& name, std::int64_t value) { put(node, name, H5T_NATIVE_INT64, &value); }

void put_number(const Node& node, const std::string& name, double value) { put(node, name, H5T_NATIVE_DOUBLE, &value); }

void put_flag(const Node& node, const std::string& name, bool value) {
  const std::int8_t cell = value ? 1 : 0;
  put(node, name, flag_type(), &cell);
}

void write_text(const Node& parent, const std::string& name, const std::string& text) {
  const char* pointer = text_pointer(parent.location.below(name), text);
  const Space scalar(checked(H5Screate(H5S_SCALAR), parent.location, "cannot be written"));
  write_dataset(parent, name, text_type(), scalar, &pointer);
}

void write_texts(const Node& parent, const std::string& name, const std::vector<std::string>& texts) {
  const Location location = parent.location.below(name);
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text_pointer(location, text));
  write_dataset(parent, name, text_type(), row_space(texts.size(), location), pointers.data());
}

void write_table(const Node& parent, const std::string& name, const Table& table) {
  const Location location = parent.location.below(name);
  std::size_t row_size = 0;
  for (const Column& column : table) row_size += cell_size(column);
  const std::size_t rows = table.empty() ? 0 : table.front().rows();
  const Type row = row_type(table, row_size, location);
  std::vector<char> buffer(rows * row_size);
  std::size_t offset = 0;
  for (const Column& column : table) {
    if (column.rows() != rows) refuse(location, "columns of different length");
    lay(column, buffer, offset, row_size, location);
    offset += cell_size(column);
  }
  const Node made = write_dataset(parent, name, row, row_space(rows, location), buffer.data());
  for (const Column& column : table) {
    if (!column.unit.empty()) put_text(made, "unit/" + column.name, column.unit);
  }
}

}  // namespace sam3lab::hdf5
