#include "core/config/resolved.h"

#include "core/base/text.h"

namespace sam3lab {
namespace {

std::string key(const std::string& name) { return is_bare_key(name) ? name : format_value(name); }

}  // namespace

std::string write_tables(const std::vector<ResolvedTable>& tables) {
  std::string text;
  for (const ResolvedTable& table : tables) {
    std::string header;
    for (const std::string& part : table.path) header += (header.empty() ? "" : ".") + key(part);
    text += "\n[" + header + "]\n";
    if (!table.use.empty()) text += "use = " + format_value(table.use) + "\n";
    for (const auto& [name, value] : table.values) text += key(name) + " = " + format_value(value) + "\n";
  }
  return text;
}

}  // namespace sam3lab
