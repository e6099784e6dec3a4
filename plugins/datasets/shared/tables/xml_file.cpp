#include "plugins/datasets/shared/tables/xml_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include <expat.h>

#include <sam3lab/api/error.h>

namespace sam3lab::datasets {
namespace {

constexpr std::size_t most_xml_bytes = std::size_t{32} << 20, most_elements = 1'000'000, deepest = 64;

// What the parser's callbacks build. They are called from C: no exception may leave them.
struct Tree {
  XML_Parser parser;
  XmlElement root;  // stands outside of the document
  std::vector<XmlElement*> open = {&root};
  std::size_t elements = 0;
  std::string fault;

  void stop(const char* why) {
    if (fault.empty()) fault = why;
    XML_StopParser(parser, XML_FALSE);
  }

  static void begin(void* user, const XML_Char* name, const XML_Char** attributes) {
    auto& tree = *static_cast<Tree*>(user);
    if (++tree.elements > most_elements) return tree.stop("more than a million elements");
    if (tree.open.size() > deepest) return tree.stop("elements in more than 64 layers");
    auto& element = tree.open.back()->children.emplace_back();
    element.name = name;
    for (; attributes[0] != nullptr; attributes += 2) element.attributes.emplace(attributes[0], attributes[1]);
    tree.open.push_back(&element);
  }
  static void end(void* user, const XML_Char*) {
    auto& tree = *static_cast<Tree*>(user);
    if (tree.open.size() > 1) tree.open.pop_back();
  }
  static void text(void* user, const XML_Char* text, int length) {
    static_cast<Tree*>(user)->open.back()->text.append(text, static_cast<std::size_t>(length));
  }
  static void doctype(void* user, const XML_Char*, const XML_Char*, const XML_Char*, int) {
    static_cast<Tree*>(user)->stop("a document type, which annotations have no use for");
  }
};

std::string trimmed_text(const std::string& text) {
  const auto* const blank = " \t\r\n";
  const auto first = text.find_first_not_of(blank);
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(blank) - first + 1);
}

}  // namespace

std::vector<const XmlElement*> XmlElement::all(const std::string& child) const {
  std::vector<const XmlElement*> found;
  for (const auto& element : children) {
    if (element.name == child) found.push_back(&element);
  }
  return found;
}

std::string XmlElement::text_of(const std::string& child) const {
  const auto found = all(child);
  return found.empty() ? "" : trimmed_text(found.front()->text);
}

std::string read_text_file(const std::string& path, std::size_t most) {
  std::error_code ignored;
  std::ifstream file(path, std::ios::binary);
  if (!std::filesystem::is_regular_file(path, ignored) || !file)
    throw DataError(Fault{path, "cannot be read", "", "a readable file", "check that the file is there"});
  std::string text(std::min<std::size_t>(std::filesystem::file_size(path, ignored), most) + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > most) throw DataError(Fault{path, "too large", "", "at most " + std::to_string(most) + " bytes", ""});
  return text;
}

XmlElement read_xml(const std::string& path) {
  const auto content = read_text_file(path, most_xml_bytes);
  const std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser(XML_ParserCreate(nullptr), &XML_ParserFree);
  Tree tree{parser.get(), {}, {}, 0, {}};
  tree.open = {&tree.root};
  XML_SetUserData(parser.get(), &tree);
  XML_SetElementHandler(parser.get(), &Tree::begin, &Tree::end);
  XML_SetCharacterDataHandler(parser.get(), &Tree::text);
  XML_SetStartDoctypeDeclHandler(parser.get(), &Tree::doctype);
  if (XML_Parse(parser.get(), content.data(), static_cast<int>(content.size()), 1) != XML_STATUS_OK || !tree.fault.empty()) {
    const std::string why = tree.fault.empty() ? XML_ErrorString(XML_GetErrorCode(parser.get())) : tree.fault;
    throw DataError(
        Fault{path + ":" + std::to_string(XML_GetCurrentLineNumber(parser.get())), "no XML of annotations", why, "", ""});
  }
  return std::move(tree.root.children.front());
}

}  // namespace sam3lab::datasets
