#include "plugins/datasets/shared/paths/name_pattern.h"

#include <re2/re2.h>

namespace sam3lab::datasets {
namespace {

re2::RE2::Options byte_options() {
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);  // a name need not be UTF-8
  options.set_dot_nl(true);                                 // `.` is any character of a name
  options.set_log_errors(false);
  return options;
}

// What RE2 takes and an expression must not have: it could look beyond its gap, or change how what follows is read.
std::string beyond_a_gap(std::string_view expression) {
  const auto is_letter_or_digit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  bool in_class = false;
  for (std::size_t at = 0; at < expression.size(); ++at) {
    const char c = expression[at], next = at + 1 < expression.size() ? expression[at + 1] : '\0';
    if (c == '\\') {
      if (is_letter_or_digit(next) && next != 'd' && next != 'w')
        return std::string("an unknown escape \\") + next + "; known: \\d, \\w and a backslash before a sign";
      ++at;
    } else if (in_class) {
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
    } else if (c == '^' || c == '$') {
      return std::string("an anchor; write \\") + c + " for the sign itself";
    } else if (c == '(' && next == '?') {
      return "a group that begins with (?";
    }
  }
  return "";
}

}  // namespace

void NamePattern::literal(std::string_view text) {
  expression_ += re2::RE2::QuoteMeta(re2::StringPiece(text.data(), text.size()));
}

void NamePattern::any() { expression_ += ".*"; }

std::string NamePattern::gap(std::string_view expression) {
  if (auto fault = beyond_a_gap(expression); !fault.empty()) return fault;
  const re2::RE2 alone(re2::StringPiece(expression.data(), expression.size()), byte_options());
  if (!alone.ok()) return "an error: " + alone.error();
  gaps_.push_back(++groups_);
  groups_ += static_cast<std::size_t>(alone.NumberOfCapturingGroups());
  expression_.append("(").append(expression).append(")");
  return "";
}

std::string NamePattern::compile() {
  compiled_ = std::make_shared<const re2::RE2>(expression_, byte_options());
  return compiled_->ok() ? "" : compiled_->error();
}

std::optional<std::vector<std::string_view>> NamePattern::match(std::string_view name) const {
  std::vector<re2::StringPiece> groups(gaps_.empty() ? 0 : gaps_.back() + 1);
  const re2::StringPiece text(name.data(), name.size());
  if (!compiled_->Match(text, 0, text.size(), re2::RE2::ANCHOR_BOTH, groups.data(), static_cast<int>(groups.size())))
    return std::nullopt;
  std::vector<std::string_view> texts;
  for (const auto gap : gaps_) {
    if (groups[gap].empty()) return std::nullopt;
    texts.emplace_back(groups[gap].data(), groups[gap].size());
  }
  return texts;
}

}  // namespace sam3lab::datasets
