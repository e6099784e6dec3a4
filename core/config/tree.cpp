#include "core/config/tree.h"

#include <array>

#include "core/base/text.h"

namespace sam3lab {
namespace {

std::string full_text(const Value& value) {
  if (const auto* list = std::get_if<std::vector<Value>>(&value.data)) {
    std::string text = "[";
    for (const Value& item : *list) {
      if (text.size() > 1) text += ", ";
      text += full_text(item);
      if (text.size() > longest_quote) break;  // show() cuts it anyway
    }
    return text + "]";
  }
  if (const auto* odd = std::get_if<Unsupported>(&value.data)) return odd->type;
  if (const auto* flag = std::get_if<bool>(&value.data)) return format_value(*flag);
  if (const auto* integer = std::get_if<std::int64_t>(&value.data)) return format_value(*integer);
  if (const auto* number = std::get_if<double>(&value.data)) return format_value(*number);
  return format_value(std::get<std::string>(value.data));
}

}  // namespace

std::string dotted(const KeyPath& path) {
  std::string text;
  for (const std::string& part : path) {
    if (!text.empty()) text += '.';
    text += is_bare_key(part) ? part : shorten(format_value(part));
  }
  return text;
}

std::string show(const Value& value) { return shorten(full_text(value)); }

std::string kind_of(const Value& value) {
  static constexpr std::array<std::string_view, 5> names = {"true or false", "integer", "number", "text", "list"};
  if (const auto* odd = std::get_if<Unsupported>(&value.data)) return odd->type;
  return std::string(names.at(value.data.index()));
}

}  // namespace sam3lab
