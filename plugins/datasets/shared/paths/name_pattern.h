// A pattern over one file name, matched by RE2 in time that is linear in the length of the name: a file name may come from
// strangers, and a backtracking matcher can be made to hang by one.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace sam3lab::datasets {

// Built from left to right, then compiled. Matches a whole name, byte by byte. Where several ways fit, earlier pieces take as
// much as they can.
class NamePattern {
 public:
  void literal(std::string_view text);
  void any();  // any run of characters, which may be empty
  // A gap: what `expression` matches, never empty. The expression has RE2's syntax without anchors (^ $), without groups that
  // begin with (?, and with \d and \w alone of the escapes of a letter or digit. Returns what is wrong with it, empty if
  // nothing.
  [[nodiscard]] std::string gap(std::string_view expression);
  // To be called after the last piece. Returns what is wrong with the whole, empty if nothing.
  [[nodiscard]] std::string compile();

  // The text of each gap, in order; nothing if the name does not fit. compile() must have found no fault.
  [[nodiscard]] std::optional<std::vector<std::string_view>> match(std::string_view name) const;

 private:
  std::string expression_;
  std::vector<std::size_t> gaps_;  // capturing group of each
  std::size_t groups_ = 0;         // capturing groups so far
  std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace sam3lab::datasets
