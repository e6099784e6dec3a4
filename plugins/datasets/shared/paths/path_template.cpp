#include "plugins/datasets/shared/paths/path_template.h"

#include <algorithm>

#include <sam3lab/api/error.h>

namespace sam3lab::datasets {
namespace {

const char* const anything = "[^/]+";

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// Where the brace that opens at `open` is closed: braces of repeats, classes and escapes of an expression are passed over.
std::size_t closing_brace(std::string_view text, std::size_t open) {
  int depth = 0;
  bool in_class = false;
  for (std::size_t at = open; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\\') {
      ++at;
    } else if (in_class) {
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
      return at;
    }
  }
  return std::string_view::npos;
}

// The range of `sorted` that begins with `prefix`.
using Paths = std::vector<std::string>;
std::pair<Paths::const_iterator, Paths::const_iterator> beginning_with(const Paths& sorted, const std::string& prefix) {
  const auto first = std::lower_bound(sorted.begin(), sorted.end(), prefix);
  const auto last = std::partition_point(first, sorted.end(), [&](const auto& path) { return path.starts_with(prefix); });
  return {first, last};
}

}  // namespace

void PathTemplate::refuse(const std::string& what) const {
  throw UsageError(Fault{"template '" + text_ + "'", what, "", "a relative path such as images/{id}.png", ""});
}

PathTemplate::PathTemplate(const std::string& text, const std::map<std::string, std::string>& others) : text_(text) {
  if (text.empty() || text.front() == '/' || text.back() == '/') refuse("no relative path of a file");
  Component component{};
  std::string literal;
  const auto flush = [&] {
    if (!literal.empty()) component.pieces.push_back({Piece::Kind::literal, literal});
    literal.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '/') {
      flush();
      complete(std::move(component));
      component = {};
      ++at;
    } else if (c == '{') {
      flush();
      read_gap(at, component, others);
    } else if (c == '*') {
      flush();
      component.pieces.push_back({Piece::Kind::any, ""});
      ++at;
    } else if (c == '}') {
      refuse("a closing brace without its opening one");
    } else {
      literal += c;
      ++at;
    }
  }
  flush();
  complete(std::move(component));
}

void PathTemplate::read_gap(std::size_t& at, Component& component, const std::map<std::string, std::string>& others) {
  const auto end = closing_brace(text_, at);
  if (end == std::string::npos) refuse("a brace that is not closed");
  const auto inside = text_.substr(at + 1, end - at - 1);
  const auto colon = inside.find(':');
  const auto name = inside.substr(0, colon);
  if (!is_name(name)) refuse("'" + name + "' is no name of a gap: letters, digits and _");
  auto expression = std::string(anything);
  if (colon != std::string::npos) {
    expression = inside.substr(colon + 1);
  } else if (const auto known = others.find(name); known != others.end()) {
    expression = known->second;
  }
  component.pieces.push_back({Piece::Kind::gap, name, expression});
  at = end + 1;
}

void PathTemplate::complete(Component component) {
  if (component.pieces.empty()) refuse("a folder without a name");
  const auto& only = component.pieces.front();
  if (component.pieces.size() == 1 && only.kind == Piece::Kind::literal && (only.text == "." || only.text == ".."))
    refuse("'.' and '..' lead nowhere in a dataset");
  for (const auto& piece : component.pieces) {
    if (piece.kind == Piece::Kind::literal) {
      component.pattern.literal(piece.text);
    } else if (piece.kind == Piece::Kind::any) {
      component.pattern.any();
    } else {
      const auto fault = component.pattern.gap(piece.expression);
      if (!fault.empty()) refuse("the expression of {" + piece.text + "} has " + fault);
      component.names.push_back(piece.text);
    }
  }
  if (const auto fault = component.pattern.compile(); !fault.empty()) refuse("an expression has an error: " + fault);
  components_.push_back(std::move(component));
}

bool PathTemplate::has(const std::string& name) const {
  return std::any_of(components_.begin(), components_.end(), [&](const auto& component) {
    return std::find(component.names.begin(), component.names.end(), name) != component.names.end();
  });
}

std::map<std::string, std::string> PathTemplate::expressions() const {
  std::map<std::string, std::string> all;
  for (const auto& component : components_) {
    for (const auto& piece : component.pieces) {
      if (piece.kind == Piece::Kind::gap) all.emplace(piece.text, piece.expression);
    }
  }
  return all;
}

bool PathTemplate::admits(std::size_t place, std::string_view name) const {
  return place < components_.size() && components_[place].pattern.match(name).has_value();
}

std::optional<Gaps> PathTemplate::match(std::string_view path) const {
  Gaps gaps;
  for (std::size_t place = 0; place < components_.size(); ++place) {
    const auto slash = path.find('/');
    const bool last = place + 1 == components_.size();
    if (last != (slash == std::string_view::npos)) return std::nullopt;
    const auto texts = components_[place].pattern.match(path.substr(0, slash));
    if (!texts) return std::nullopt;
    for (std::size_t i = 0; i < texts->size(); ++i) {
      const auto [known, is_new] = gaps.emplace(components_[place].names[i], (*texts)[i]);
      if (!is_new && known->second != (*texts)[i]) return std::nullopt;
    }
    if (!last) path.remove_prefix(slash + 1);
  }
  return gaps;
}

// Goes down folder by folder; an open gap that is met is known from there on.
struct PathTemplate::Walk {
  const PathTemplate& of;
  const Paths& sorted;
  Paths found;

  void down(std::size_t place, const std::string& folder, const Gaps& known) {
    const auto& component = of.components_[place];
    const bool last = place + 1 == of.components_.size();
    std::string begin;  // literal text up to the first open piece
    std::size_t piece = 0;
    for (; piece < component.pieces.size(); ++piece) {
      const auto& p = component.pieces[piece];
      if (p.kind == Piece::Kind::any || (p.kind == Piece::Kind::gap && !known.contains(p.text))) break;
      begin += p.kind == Piece::Kind::gap ? known.at(p.text) : p.text;
    }
    if (piece == component.pieces.size()) {
      if (!last) return down(place + 1, folder + begin + "/", known);
      const auto path = folder + begin;
      if (std::binary_search(sorted.begin(), sorted.end(), path)) found.push_back(path);
      return;
    }
    open(place, folder, begin, known);
  }

  void open(std::size_t place, const std::string& folder, const std::string& begin, const Gaps& known) {
    const auto& component = of.components_[place];
    const bool last = place + 1 == of.components_.size();
    NamePattern pattern;
    Paths names;
    for (const auto& p : component.pieces) {
      if (p.kind == Piece::Kind::literal) {
        pattern.literal(p.text);
      } else if (p.kind == Piece::Kind::any) {
        pattern.any();
      } else if (const auto text = known.find(p.text); text != known.end()) {
        pattern.literal(text->second);
      } else {
        (void)pattern.gap(p.expression);  // read without a fault when the template was made
        names.push_back(p.text);
      }
    }
    if (!pattern.compile().empty()) return;  // no name of a file is so long that this happens
    const auto [first, end] = beginning_with(sorted, folder + begin);
    for (auto at = first; at != end;) {
      const auto slash = at->find('/', folder.size());
      const auto name = std::string_view(*at).substr(folder.size(), slash == std::string::npos ? slash : slash - folder.size());
      if (const auto texts = (slash == std::string::npos) == last ? pattern.match(name) : std::nullopt) {
        auto more = known;
        bool same = true;
        for (std::size_t i = 0; i < names.size(); ++i)
          same = more.emplace(names[i], (*texts)[i]).first->second == (*texts)[i] && same;
        if (same && last) found.push_back(*at);
        if (same && !last) down(place + 1, folder + std::string(name) + "/", more);
      }
      if (slash == std::string::npos) {
        ++at;
      } else {
        const auto inside = at->substr(0, slash + 1);
        at = std::partition_point(at, end, [&](const auto& path) { return path.starts_with(inside); });
      }
    }
  }
};

std::vector<std::string> PathTemplate::find(const std::vector<std::string>& sorted, const Gaps& known) const {
  Walk walk{*this, sorted, {}};
  walk.down(0, "", known);
  return std::move(walk.found);
}

std::string fill_gaps(const std::string& text, const Gaps& known, const std::string& where) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '{') {
      out += text[at];
      continue;
    }
    const auto end = text.find('}', at);
    const auto name = end == std::string::npos ? text.substr(at + 1) : text.substr(at + 1, end - at - 1);
    const auto found = known.find(name);
    if (end == std::string::npos || found == known.end()) {
      std::string names;
      for (const auto& [other, ignored] : known) names += (names.empty() ? "{" : ", {") + other + "}";
      throw UsageError(Fault{where, "'" + text + "' has a gap that the images' template has not", "{" + name + "}", names, ""});
    }
    out += found->second;
    at = end;
  }
  return out;
}

}  // namespace sam3lab::datasets
