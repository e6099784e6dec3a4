// XML of annotations, as a small tree.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace sam3lab::datasets {

struct XmlElement {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::string text;  // all of it that stands directly in the element
  std::vector<XmlElement> children;

  // The children of that name.
  [[nodiscard]] std::vector<const XmlElement*> all(const std::string& child) const;
  // The text of the first such child without white space around it; empty if there is none.
  [[nodiscard]] std::string text_of(const std::string& child) const;
};

// The document's outermost element. At most 32 MiB, a million elements, 64 layers; a document type (with entities that grow, or
// that name other files) is refused. Throws DataError that names the file, and the line where it can.
XmlElement read_xml(const std::string& path);

// A text file of at most `most_bytes`. Throws DataError that names the file.
std::string read_text_file(const std::string& path, std::size_t most_bytes);

}  // namespace sam3lab::datasets
