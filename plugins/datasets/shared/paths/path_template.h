// Paths with named gaps: how a dataset's files are found and told apart by their names.
//
//   {subset:train|test}/images/{id}.png      {name} is one or more characters other than '/', {name:expression} what the
//   {class}/{id}_mask*.png                 expression matches (name_pattern.h), * any run of characters other than '/'
//
// A gap that occurs twice must hold the same text in both places. Matching is by bytes and sees upper and lower case.
#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/datasets/shared/paths/name_pattern.h"

namespace sam3lab::datasets {

using Gaps = std::map<std::string, std::string>;  // name -> text

class PathTemplate {
 public:
  // A gap without an expression of its own takes that of `others` with its name. Throws UsageError that names the template.
  explicit PathTemplate(const std::string& text, const std::map<std::string, std::string>& others = {});

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::size_t depth() const { return components_.size(); }  // folders and the file
  [[nodiscard]] bool has(const std::string& name) const;
  [[nodiscard]] std::map<std::string, std::string> expressions() const;  // of its gaps

  // Whether a name may stand at a place of such a path, 0 being the first folder.
  [[nodiscard]] bool admits(std::size_t place, std::string_view name) const;
  // The texts of all gaps of a path, relative to the dataset's root.
  [[nodiscard]] std::optional<Gaps> match(std::string_view path) const;
  // The paths of `sorted` (by bytes) that fit where the gaps in `known` hold their text. A folder or file whose name begins
  // with an open gap is looked for among all of its folder.
  [[nodiscard]] std::vector<std::string> find(const std::vector<std::string>& sorted, const Gaps& known) const;

 private:
  struct Piece {
    enum class Kind { literal, gap, any } kind;
    std::string text;  // literal text, or the gap's name
    std::string expression = {};
  };
  struct Component {
    std::vector<Piece> pieces;
    NamePattern pattern;             // every gap open
    std::vector<std::string> names;  // of its gaps, in order
  };
  struct Walk;
  void read_gap(std::size_t& at, Component& component, const std::map<std::string, std::string>& others);
  void complete(Component component);
  [[noreturn]] void refuse(const std::string& what) const;

  std::string text_;
  std::vector<Component> components_;
};

// Text with gaps filled in, such as "{site}/{patient}". Throws UsageError with `where` for a gap that is not among `known`.
std::string fill_gaps(const std::string& text, const Gaps& known, const std::string& where);

}  // namespace sam3lab::datasets
