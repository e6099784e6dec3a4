#include "core/record/hdf5_read.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

namespace sam3lab::hdf5 {
namespace {

constexpr hsize_t most_links = 10'000, most_attributes = 10'000;
constexpr int most_columns = 10'000;

// Takes what HDF5 allocates for texts, up to the limits; everything goes with it, also when reading stops half-way.
class TextArena {
 public:
  TextArena() : transfer_(H5Pcreate(H5P_DATASET_XFER)) {
    H5Pset_vlen_mem_manager(transfer_, &TextArena::take, this, &TextArena::keep, nullptr);
  }
  TextArena(const TextArena&) = delete;
  TextArena& operator=(const TextArena&) = delete;
  [[nodiscard]] hid_t transfer() const { return transfer_; }

 private:
  static void* take(std::size_t size, void* self) {
    auto& arena = *static_cast<TextArena*>(self);
    if (size > longest_text || size > arena.left_) return nullptr;
    arena.left_ -= size;
    std::unique_ptr<char[]> block(new (std::nothrow) char[size + 1]());
    return block == nullptr ? nullptr : arena.blocks_.emplace_back(std::move(block)).get();
  }
  static void keep(void*, void*) {}

  Properties transfer_;
  std::size_t left_ = all_texts;
  std::vector<std::unique_ptr<char[]>> blocks_;
};

std::string text_of(const char* pointer) { return pointer == nullptr ? std::string() : std::string(pointer); }

bool is_text(hid_t type) { return H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) > 0; }

bool is_flag(hid_t type) {
  if (H5Tget_class(type) != H5T_ENUM || H5Tget_size(type) != 1 || H5Tget_nmembers(type) != 2) return false;
  return H5Tget_member_index(type, "FALSE") >= 0 && H5Tget_member_index(type, "TRUE") >= 0;
}

// An object right below `parent`: soft and external links, which lead elsewhere, are refused.
Object open_child(const Node& parent, const std::string& name, H5I_type_t kind) {
  const Location location = parent.location.below(name);
  const htri_t there = H5Lexists(parent.object, name.c_str(), H5P_DEFAULT);
  if (there <= 0) refuse(location, "missing, so this is no result of sam3lab or a damaged one");
  H5L_info_t link{};
  checked(H5Lget_info(parent.object, name.c_str(), &link, H5P_DEFAULT), location, "cannot be read");
  if (link.type != H5L_TYPE_HARD) refuse(location, "a link to elsewhere, which results do not have");
  Object object(checked(H5Oopen(parent.object, name.c_str(), H5P_DEFAULT), location, "cannot be opened"));
  if (H5Iget_type(object) != kind)
    refuse(location, "an object of another kind", "", kind == H5I_GROUP ? "a group" : "a dataset");
  return object;
}

struct OpenDataset {
  Object object;
  Location location;
  Type type;
  hsize_t elements = 0;
};

void check_storage(const OpenDataset& data) {
  const Properties creation(checked(H5Dget_create_plist(data.object), data.location, "cannot be read"));
  const H5D_layout_t layout = H5Pget_layout(creation);
  if ((layout != H5D_CONTIGUOUS && layout != H5D_COMPACT) || H5Pget_nfilters(creation) != 0 ||
      H5Pget_external_count(creation) != 0) {
    refuse(data.location, "data stored in a way that results do not use", "", "contiguous data inside the file");
  }
  hsize_t file_size = 0;
  const File file(checked(H5Iget_file_id(data.object), data.location, "cannot be read"));
  checked(H5Fget_filesize(file, &file_size), data.location, "cannot be read");
  // In memory: a text is a pointer here and takes twice as much in the file.
  const hsize_t element = H5Tget_size(data.type);
  const hsize_t stored = H5Dget_storage_size(data.object);
  if (element == 0 || data.elements > most_rows || stored > file_size || data.elements > stored / element) {
    refuse(data.location, "more rows than the file can hold", std::to_string(data.elements));
  }
}

OpenDataset open_dataset(const Node& parent, const std::string& name, int rank) {
  OpenDataset data{open_child(parent, name, H5I_DATASET), parent.location.below(name), Type(), 0};
  data.type = Type(checked(H5Dget_type(data.object), data.location, "has no type"));
  const Space space(checked(H5Dget_space(data.object), data.location, "has no extent"));
  const int found = H5Sget_simple_extent_ndims(space);
  const bool simple = H5Sget_simple_extent_type(space) == (rank == 0 ? H5S_SCALAR : H5S_SIMPLE);
  if (!simple || found != rank) refuse(data.location, "wrong rank", std::to_string(found), std::to_string(rank));
  data.elements = static_cast<hsize_t>(checked(H5Sget_simple_extent_npoints(space), data.location, "has no extent"));
  check_storage(data);
  return data;
}

std::vector<std::string> read_text_elements(const OpenDataset& data) {
  if (!is_text(data.type)) refuse(data.location, "wrong type", "", "texts of variable length");
  std::vector<char*> pointers(data.elements, nullptr);
  const TextArena arena;
  if (data.elements > 0) {
    checked(H5Dread(data.object, data.type, H5S_ALL, H5S_ALL, arena.transfer(), pointers.data()), data.location,
            "texts cannot be read");
  }
  std::vector<std::string> texts;
  texts.reserve(pointers.size());
  for (const char* pointer : pointers) texts.push_back(text_of(pointer));
  return texts;
}

// A column of the file, and how its cells lie in memory.
struct CellPlan {
  std::string name;
  Type type;
  std::size_t offset = 0, size = 0;
  H5T_class_t kind = H5T_NO_CLASS;
};

CellPlan plan_cell(const OpenDataset& data, unsigned index) {
  CellPlan cell;
  const std::unique_ptr<char, herr_t (*)(void*)> name(H5Tget_member_name(data.type, index), &H5free_memory);
  if (name == nullptr) fail(data.location, "has a column without a name");
  cell.name = name.get();
  Type stored(checked(H5Tget_member_type(data.type, index), data.location, "has a column without a type"));
  cell.kind = H5Tget_class(stored);
  if (cell.kind == H5T_INTEGER && H5Tget_size(stored) <= sizeof(std::int64_t)) {
    cell.type = Type(H5Tcopy(H5T_NATIVE_INT64));
  } else if (cell.kind == H5T_FLOAT && H5Tget_size(stored) <= sizeof(double)) {
    cell.type = Type(H5Tcopy(H5T_NATIVE_DOUBLE));
  } else if (is_flag(stored) || is_text(stored)) {
    cell.type = std::move(stored);
  } else {
    refuse(data.location, "column '" + cell.name + "' has a type that results do not use");
  }
  cell.size = H5Tget_size(cell.type);
  return cell;
}

template <class Cell>
Cell cell_at(const std::vector<char>& buffer, std::size_t position) {
  Cell cell;
  std::memcpy(&cell, buffer.data() + position, sizeof cell);
  return cell;
}

Column gather(const CellPlan& cell, const std::vector<char>& buffer, std::size_t rows, std::size_t row_size) {
  Column column{cell.name, IntegerColumn(), ""};
  const auto fill = [&](auto values, auto convert) {
    values.reserve(rows);
    for (std::size_t row = 0; row < rows; ++row) values.push_back(convert(row * row_size + cell.offset));
    column.values = std::move(values);
  };
  if (cell.kind == H5T_INTEGER) fill(IntegerColumn(), [&](std::size_t at) { return cell_at<std::int64_t>(buffer, at); });
  if (cell.kind == H5T_FLOAT) fill(NumberColumn(), [&](std::size_t at) { return cell_at<double>(buffer, at); });
  if (cell.kind == H5T_ENUM) fill(FlagColumn(), [&](std::size_t at) { return cell_at<std::int8_t>(buffer, at) != 0; });
  if (cell.kind == H5T_STRING) fill(TextColumn(), [&](std::size_t at) { return text_of(cell_at<const char*>(buffer, at)); });
  return column;
}

std::optional<AttributeValue> attribute_value(const Attribute& attribute, const Location& location) {
  const Type type(checked(H5Aget_type(attribute), location, "has no type"));
  const Space space(checked(H5Aget_space(attribute), location, "has no extent"));
  if (H5Sget_simple_extent_type(space) != H5S_SCALAR) return std::nullopt;
  const H5T_class_t kind = H5Tget_class(type);
  const auto read = [&](hid_t memory, void* into) { checked(H5Aread(attribute, memory, into), location, "cannot be read"); };
  if (is_text(type)) {
    char* pointer = nullptr;
    read(type, &pointer);
    const std::unique_ptr<char, decltype(&std::free)> owner(pointer, &std::free);
    std::string text = text_of(pointer);
    if (text.size() > longest_text) refuse(location, "text too long", std::to_string(text.size()) + " bytes");
    return text;
  }
  if (is_flag(type)) {
    std::int8_t flag = 0;
    read(type, &flag);
    return flag != 0;
  }
  if (kind == H5T_INTEGER) {
    std::int64_t integer = 0;
    read(H5T_NATIVE_INT64, &integer);
    return integer;
  }
  if (kind != H5T_FLOAT) return std::nullopt;
  double number = 0;
  read(H5T_NATIVE_DOUBLE, &number);
  return number;
}

}  // namespace

Node open_group(const Node& parent, const std::string& name) {
  return {open_child(parent, name, H5I_GROUP), parent.location.below(name)};
}

std::vector<std::string> names_in(const Node& group) {
  H5G_info_t info{};
  checked(H5Gget_info(group.object, &info), group.location, "cannot be read");
  if (info.nlinks > most_links) refuse(group.location, "too many members", std::to_string(info.nlinks));
  std::vector<std::string> names;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    std::string name(256, '\0');
    const ssize_t length =
        checked(H5Lget_name_by_idx(group.object, ".", H5_INDEX_NAME, H5_ITER_INC, i, name.data(), name.size(), H5P_DEFAULT),
                group.location, "member without a name");
    if (length == 0 || static_cast<std::size_t>(length) >= name.size()) refuse(group.location, "member with a name too long");
    name.resize(static_cast<std::size_t>(length));
    names.push_back(std::move(name));
  }
  return names;
}

std::map<std::string, AttributeValue> read_attributes(const Node& node) {
  H5O_info_t info{};
  checked(H5Oget_info2(node.object, &info, H5O_INFO_NUM_ATTRS), node.location, "cannot be read");
  if (info.num_attrs > most_attributes) refuse(node.location, "too many attributes", std::to_string(info.num_attrs));
  std::map<std::string, AttributeValue> values;
  for (hsize_t i = 0; i < info.num_attrs; ++i) {
    const Attribute attribute(checked(H5Aopen_by_idx(node.object, ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT, H5P_DEFAULT),
                                      node.location, "attribute cannot be opened"));
    std::string name(257, '\0');
    const ssize_t length = checked(H5Aget_name(attribute, name.size(), name.data()), node.location, "attribute without a name");
    if (static_cast<std::size_t>(length) >= name.size()) refuse(node.location, "attribute with a name too long");
    name.resize(static_cast<std::size_t>(length));
    if (auto value = attribute_value(attribute, Location{node.location.file, node.location.path + "@" + name}))
      values.emplace(name, *value);
  }
  return values;
}

std::string read_text(const Node& parent, const std::string& name) {
  return read_text_elements(open_dataset(parent, name, 0)).front();
}

std::vector<std::string> read_texts(const Node& parent, const std::string& name) {
  return read_text_elements(open_dataset(parent, name, 1));
}

Table read_table(const Node& parent, const std::string& name) {
  const OpenDataset data = open_dataset(parent, name, 1);
  if (H5Tget_class(data.type) != H5T_COMPOUND) refuse(data.location, "wrong type", "", "a table (compound)");
  const int columns = checked(H5Tget_nmembers(data.type), data.location, "has no columns");
  if (columns < 1 || columns > most_columns) refuse(data.location, "wrong number of columns", std::to_string(columns));
  std::vector<CellPlan> cells;
  std::size_t row_size = 0;
  for (int i = 0; i < columns; ++i) {
    cells.push_back(plan_cell(data, static_cast<unsigned>(i)));
    cells.back().offset = row_size;
    row_size += cells.back().size;
  }
  const Type row(checked(H5Tcreate(H5T_COMPOUND, row_size), data.location, "cannot be read"));
  for (const CellPlan& cell : cells)
    checked(H5Tinsert(row, cell.name.c_str(), cell.offset, cell.type), data.location, "has columns of one name");

  const std::size_t rows = data.elements;
  std::vector<char> buffer(rows * row_size);
  const TextArena arena;
  if (rows > 0)
    checked(H5Dread(data.object, row, H5S_ALL, H5S_ALL, arena.transfer(), buffer.data()), data.location, "rows cannot be read");
  Table table;
  for (const CellPlan& cell : cells) table.push_back(gather(cell, buffer, rows, row_size));
  return table;
}

}  // namespace sam3lab::hdf5
