// A pattern over one file name, matched in time that grows with the name's length times the pattern's, whatever the name is: a
// file name comes from strangers, and a backtracking matcher can be made to hang by one (Thompson 1968; captures as in Pike's
// sam editor).
#pragma once
#include <array>
#include <bitset>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sam3lab::datasets {

// Built from left to right; matches a whole name. Where several ways fit, earlier parts take as much as they can.
class NamePattern {
 public:
  void literal(std::string_view text);
  void any();  // any run of characters, empty too
  // What `expression` matches, kept as a part of its own; never empty. The expression may hold: characters, `.`, classes such
  // as [a-z0-9] and [^_], \d \w, a backslash before a sign, groups ( ), a|b, and behind each of these + * ? {n} {n,m}, n and m
  // up to 64. Returns what is wrong with it, empty if nothing.
  std::string part(std::string_view expression);

  // The text of each part(), in order; nothing if the name does not fit.
  [[nodiscard]] std::optional<std::vector<std::string_view>> match(std::string_view name) const;

 private:
  friend class ExpressionReader;
  using Class = std::bitset<256>;
  struct Step {
    enum class Kind { one_of, split, save, jump } kind;
    std::size_t first = 0, second = 0;  // of one_of: index of the class; split: both ways, the first preferred; save: its slot
  };
  struct Search;
  void one_of(const Class& characters);
  std::size_t add(Step step) { return steps_.push_back(step), steps_.size() - 1; }

  std::vector<Step> steps_;
  std::vector<Class> classes_;
  std::size_t parts_ = 0;
  std::string prefix_;       // literal text that every match begins with
  bool open_prefix_ = true;  // nothing but literal text so far
};

}  // namespace sam3lab::datasets
