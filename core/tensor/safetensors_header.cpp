#include "core/tensor/safetensors_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>
#include <sam3lab/api/error.h>

namespace sam3lab::safetensors {
namespace {

constexpr std::array<std::pair<std::string_view, c10::ScalarType>, 16> types = {{{"BOOL", c10::ScalarType::Bool},
                                                                                 {"U8", c10::ScalarType::Byte},
                                                                                 {"I8", c10::ScalarType::Char},
                                                                                 {"I16", c10::ScalarType::Short},
                                                                                 {"U16", c10::ScalarType::UInt16},
                                                                                 {"I32", c10::ScalarType::Int},
                                                                                 {"U32", c10::ScalarType::UInt32},
                                                                                 {"I64", c10::ScalarType::Long},
                                                                                 {"U64", c10::ScalarType::UInt64},
                                                                                 {"F16", c10::ScalarType::Half},
                                                                                 {"BF16", c10::ScalarType::BFloat16},
                                                                                 {"F32", c10::ScalarType::Float},
                                                                                 {"F64", c10::ScalarType::Double},
                                                                                 {"C64", c10::ScalarType::ComplexFloat},
                                                                                 {"F8_E4M3", c10::ScalarType::Float8_e4m3fn},
                                                                                 {"F8_E5M2", c10::ScalarType::Float8_e5m2}}};

std::string known_types() {
  std::string text;
  for (const auto& [name, type] : types) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

// Names come from the file, so an error message shows only a readable, shortened form of them.
std::string shown(std::string_view name) {
  std::string text;
  for (const char c : name.substr(0, 80)) text += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return name.size() > 80 ? text + "..." : text;
}

// Accepts exactly the grammar of the header, so that nothing else is built in memory:
// { name: {dtype: text, shape: [n...], data_offsets: [n, n]}..., "__metadata__": {text: text...} }
class HeaderReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderReader(const std::string& path, Header& header) : path_(path), header_(header) {}

  bool start_object(std::size_t) override {
    if (position_ == Position::outside) return go(Position::names);
    if (position_ == Position::entry_or_metadata) {
      fields_ = 0;
      return go(in_metadata_ ? Position::metadata : Position::fields);
    }
    refuse("an object where none belongs");
  }
  bool end_object() override {
    if (position_ == Position::names) return go(Position::after);
    if (position_ == Position::fields) {
      if (fields_ != 7) refuse("tensor '" + shown(entry_.name) + "' lacks one of dtype, shape, data_offsets");
      header_.entries.push_back(std::move(entry_));
      entry_ = {};
    }
    return go(Position::names);
  }
  bool key(string_t& text) override {
    if (position_ == Position::names) {
      if (!names_.insert(text).second) refuse("the name '" + shown(text) + "' occurs twice");
      if (names_.size() > tensor_limit) refuse("more than " + std::to_string(tensor_limit) + " tensors");
      in_metadata_ = text == "__metadata__";
      entry_.name = text;
      return go(Position::entry_or_metadata);
    }
    if (position_ == Position::metadata) {
      if (header_.metadata.count(text) != 0) refuse("the metadata key '" + shown(text) + "' occurs twice");
      key_ = text;
      return go(Position::metadata_value);
    }
    const int bit = text == "dtype" ? 1 : text == "shape" ? 2 : text == "data_offsets" ? 4 : 0;
    if (bit == 0) refuse("unknown key '" + shown(text) + "' for tensor '" + shown(entry_.name) + "'");
    if ((fields_ & bit) != 0) refuse("the key '" + text + "' occurs twice for tensor '" + shown(entry_.name) + "'");
    fields_ |= bit;
    return go(bit == 1 ? Position::type : bit == 2 ? Position::shape : Position::offsets);
  }
  bool string(string_t& text) override {
    if (position_ == Position::metadata_value) {
      header_.metadata.emplace(std::move(key_), text);
      return go(Position::metadata);
    }
    if (position_ != Position::type) refuse("a text where none belongs");
    const auto type = type_of(text);
    if (!type) {
      throw DataError(Fault{path_, "unknown dtype of tensor '" + shown(entry_.name) + "'", shown(text),
                            "one of: " + known_types(), "convert the file to one of these types"});
    }
    entry_.type = *type;
    return go(Position::fields);
  }
  bool start_array(std::size_t) override {
    if (position_ == Position::shape) return go(Position::in_shape);
    if (position_ == Position::offsets) return numbers_ = 0, go(Position::in_offsets);
    refuse("a list where none belongs");
  }
  bool end_array() override {
    if (position_ == Position::in_offsets && numbers_ != 2)
      refuse("data_offsets of '" + shown(entry_.name) + "' are not two numbers");
    return go(Position::fields);
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (position_ == Position::in_shape) {
      if (entry_.shape.size() == dimension_limit) refuse("tensor '" + shown(entry_.name) + "' has too many dimensions");
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        refuse("a dimension of tensor '" + shown(entry_.name) + "' is too large");
      }
      entry_.shape.push_back(static_cast<std::int64_t>(value));
      return true;
    }
    if (position_ != Position::in_offsets || numbers_ == 2) refuse("a number where none belongs");
    (numbers_++ == 0 ? entry_.begin : entry_.end) = value;
    return true;
  }
  bool number_integer(number_integer_t) override { refuse("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { refuse("a number that is no integer, or too large"); }
  bool null() override { refuse("a null"); }
  bool boolean(bool) override { refuse("a true or false"); }
  bool binary(binary_t&) override { refuse("binary data"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    refuse("no valid JSON at byte " + std::to_string(position));
  }

 private:
  enum class Position {
    outside,
    names,
    entry_or_metadata,
    fields,
    type,
    shape,
    in_shape,
    offsets,
    in_offsets,
    metadata,
    metadata_value,
    after
  };
  bool go(Position place) { return position_ = place, true; }
  [[noreturn]] void refuse(const std::string& got) const {
    throw DataError(Fault{path_, "the header of this safetensors file is damaged", got, "", "fetch or write the file again"});
  }

  const std::string& path_;
  Header& header_;
  Position position_ = Position::outside;
  Entry entry_;
  std::string key_;
  std::set<std::string> names_;
  bool in_metadata_ = false;
  int fields_ = 0, numbers_ = 0;
};

// Number of bytes of a shape; empty if it exceeds 2^63. For that limit a dimension of 0 counts as 1, because strides are
// computed from the other dimensions.
std::optional<std::uint64_t> bytes_of(const Entry& entry) {
  std::int64_t bytes = static_cast<std::int64_t>(c10::elementSize(entry.type));
  bool empty = false;
  for (const auto length : entry.shape) {
    empty |= length == 0;
    if (__builtin_mul_overflow(bytes, std::max<std::int64_t>(length, 1), &bytes)) return std::nullopt;
  }
  return empty ? 0 : static_cast<std::uint64_t>(bytes);
}

void check_entries(const std::vector<Entry>& entries, std::uint64_t data_size, const std::string& path) {
  std::uint64_t at = 0;
  for (const auto& entry : entries) {
    const std::string name = "tensor '" + shown(entry.name) + "'";
    const std::string range = std::to_string(entry.begin) + ".." + std::to_string(entry.end);
    if (entry.begin > entry.end || entry.end > data_size) {
      throw DataError(Fault{path, name + " lies outside the data", "bytes " + range, "within 0.." + std::to_string(data_size),
                            "the file is truncated or damaged: fetch it again"});
    }
    const auto bytes = bytes_of(entry);
    if (!bytes || *bytes != entry.end - entry.begin) {
      throw DataError(Fault{path, name + " has a range that does not fit its shape and dtype", "bytes " + range,
                            bytes ? std::to_string(*bytes) + " bytes" : "a shape of less than 2^63 bytes", ""});
    }
    if (entry.begin != at) {
      throw DataError(Fault{path, name + (entry.begin < at ? " overlaps the tensor before it" : " leaves a gap before it"),
                            "begins at byte " + std::to_string(entry.begin), std::to_string(at), ""});
    }
    at = entry.end;
  }
  if (at != data_size) {
    throw DataError(Fault{path, "data that belong to no tensor", std::to_string(data_size) + " bytes of data",
                          std::to_string(at), "the file is damaged: fetch it again"});
  }
}

}  // namespace

Header parse_header(std::string_view json, std::uint64_t data_size, const std::string& path) {
  Header header;
  HeaderReader reader(path, header);
  nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  std::sort(header.entries.begin(), header.entries.end(),
            [](const Entry& a, const Entry& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  check_entries(header.entries, data_size, path);
  return header;
}

std::optional<c10::ScalarType> type_of(std::string_view name) {
  for (const auto& [known, type] : types) {
    if (known == name) return type;
  }
  return std::nullopt;
}

std::optional<std::string_view> name_of(c10::ScalarType type) {
  for (const auto& [name, known] : types) {
    if (known == type) return name;
  }
  return std::nullopt;
}

}  // namespace sam3lab::safetensors
