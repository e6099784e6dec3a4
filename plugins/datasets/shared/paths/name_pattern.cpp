#include "plugins/datasets/shared/paths/name_pattern.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace sam3lab::datasets {
namespace {

constexpr std::size_t most_steps = 4096;  // of one pattern
constexpr std::size_t most_repeats = 64;
constexpr std::size_t most_nesting = 16;  // of groups

}  // namespace

void NamePattern::one_of(const Class& characters) {
  const auto known = std::find(classes_.begin(), classes_.end(), characters);
  const auto index = static_cast<std::size_t>(known - classes_.begin());
  if (known == classes_.end()) classes_.push_back(characters);
  add({Step::Kind::one_of, index, 0});
}

void NamePattern::literal(std::string_view text) {
  if (open_prefix_) prefix_ += text;
  for (const char c : text) one_of(Class().set(static_cast<unsigned char>(c)));
}

void NamePattern::any() {
  open_prefix_ = false;
  const auto split = add({Step::Kind::split, 0, 0});
  one_of(Class().set().reset('/'));
  add({Step::Kind::jump, split, 0});
  steps_[split] = {Step::Kind::split, split + 1, steps_.size()};
}

// Recursive descent over one expression; repeats are written out.
class ExpressionReader {
 public:
  ExpressionReader(NamePattern& pattern, std::string_view text) : pattern_(pattern), text_(text) {}

  std::string read() {
    alternatives(0);
    if (fault_.empty() && at_ < text_.size()) fail("a closing bracket without its opening one");
    return fault_;
  }

 private:
  using Step = NamePattern::Step;
  using Class = NamePattern::Class;

  void fail(const std::string& what) {
    if (fault_.empty()) fault_ = what;
  }
  [[nodiscard]] bool more() const { return fault_.empty() && at_ < text_.size(); }
  [[nodiscard]] char peek() const { return text_[at_]; }

  void alternatives(std::size_t depth) {
    if (depth > most_nesting) return fail(fmt::format("groups in more than {} layers", most_nesting));
    std::vector<std::size_t> ends;  // jumps behind the last alternative
    for (;;) {
      const auto split = pattern_.add({Step::Kind::split, 0, 0});
      sequence(depth);
      if (!more() || peek() != '|') {  // the last one has nothing to choose from
        pattern_.steps_[split] = {Step::Kind::jump, split + 1, 0};
        break;
      }
      ++at_;
      ends.push_back(pattern_.add({Step::Kind::jump, 0, 0}));
      pattern_.steps_[split] = {Step::Kind::split, split + 1, pattern_.steps_.size()};
    }
    for (const auto end : ends) pattern_.steps_[end].first = pattern_.steps_.size();
  }

  void sequence(std::size_t depth) {
    while (more() && peek() != '|' && peek() != ')') repeated(depth);
  }

  // One atom with what stands behind it. For {n} it is read again from the text, n times.
  void repeated(std::size_t depth) {
    const auto begin = at_, first = pattern_.steps_.size();
    // A place for the split of * and ?, which stands in front of what it repeats.
    const auto split = pattern_.add({Step::Kind::jump, first + 1, 0});
    atom(depth);
    if (!more()) return;
    const char sign = peek();
    if (sign == '*' || sign == '?') {
      ++at_;
      if (sign == '*') pattern_.add({Step::Kind::jump, split, 0});
      pattern_.steps_[split] = {Step::Kind::split, split + 1, pattern_.steps_.size()};
    } else if (sign == '+') {
      ++at_;
      const auto again = pattern_.add({Step::Kind::split, split, 0});
      pattern_.steps_[again].second = again + 1;
    } else if (sign == '{') {
      ++at_;
      counted(depth, begin);
    }
    if (more() && std::string_view("*+?{").find(peek()) != std::string_view::npos) fail("one repeat behind another");
    if (pattern_.steps_.size() > most_steps)
      fail(fmt::format("more than {} steps once its repeats are written out", most_steps));
  }

  void counted(std::size_t depth, std::size_t begin) {
    const auto low = number();
    auto high = low;
    if (more() && peek() == ',') {
      ++at_;
      high = number();
    }
    if (!more() || peek() != '}') return fail("a repeat that is not of the form {n} or {n,m}");
    const auto behind = ++at_;
    if (low < 1 || high < low || high > most_repeats)
      return fail(fmt::format("a repeat {{n,m}} outside 1 <= n <= m <= {}", most_repeats));
    std::vector<std::size_t> optional;
    for (std::size_t i = 1; i < high && fault_.empty(); ++i) {
      if (i >= low) optional.push_back(pattern_.add({Step::Kind::split, pattern_.steps_.size() + 1, 0}));
      at_ = begin;
      atom(depth);
      if (pattern_.steps_.size() > most_steps)
        fail(fmt::format("more than {} steps once its repeats are written out", most_steps));
    }
    for (const auto split : optional) pattern_.steps_[split].second = pattern_.steps_.size();
    at_ = behind;
  }

  std::size_t number() {
    std::size_t value = 0;
    const auto begin = at_;
    for (; more() && peek() >= '0' && peek() <= '9' && at_ - begin < 4; ++at_) {
      value = value * 10 + static_cast<std::size_t>(peek() - '0');
    }
    if (at_ == begin) fail("a repeat that is not of the form {n} or {n,m}");
    return value;
  }

  void atom(std::size_t depth) {
    const char c = text_[at_++];
    if (c == '(') {
      alternatives(depth + 1);
      if (!more() || peek() != ')') return fail("a group without its closing bracket");
      ++at_;
    } else if (c == '[') {
      pattern_.one_of(character_class());
    } else if (c == '.') {
      pattern_.one_of(Class().set().reset('/'));
    } else if (c == '\\') {
      pattern_.one_of(escaped());
    } else if (std::string_view("*+?{}]").find(c) != std::string_view::npos) {
      fail(fmt::format("'{}' where nothing stands before it; write \\{} for the sign itself", c, c));
    } else {
      pattern_.one_of(Class().set(static_cast<unsigned char>(c)));
    }
  }

  Class escaped() {
    Class out;
    if (at_ >= text_.size()) return fail("a backslash at the end"), out;
    const char c = text_[at_++];
    const auto span = [&out](char from, char to) {
      for (int i = from; i <= to; ++i) out.set(static_cast<std::size_t>(i));
    };
    if (c == 'd' || c == 'w') {
      span('0', '9');
      if (c == 'w') span('a', 'z'), span('A', 'Z'), out.set('_');
    } else if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      fail(fmt::format("an unknown escape \\{}; known: \\d, \\w and a backslash before a sign", c));
    } else {
      out.set(static_cast<unsigned char>(c));
    }
    return out;
  }

  Class character_class() {
    Class out;
    const bool negated = more() && peek() == '^';
    if (negated) ++at_;
    bool any = false;
    while (more() && peek() != ']') {
      any = true;
      auto low = static_cast<unsigned char>(text_[at_++]);
      if (low == '\\') {
        out |= escaped();
        continue;
      }
      auto high = low;
      if (at_ + 1 < text_.size() && peek() == '-' && text_[at_ + 1] != ']') {
        high = static_cast<unsigned char>(text_[at_ + 1]);
        at_ += 2;
      }
      if (high < low) fail("a class with a range that runs backwards");
      for (unsigned i = low; i <= high; ++i) out.set(i);
    }
    if (!more() || !any) fail("a class without its closing bracket, or with nothing in it");
    ++at_;
    if (negated) out.flip();
    return out.reset('/');
  }

  NamePattern& pattern_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::string fault_;
};

std::string NamePattern::part(std::string_view expression) {
  open_prefix_ = false;
  add({Step::Kind::save, 2 * parts_, 0});
  auto fault = ExpressionReader(*this, expression).read();
  add({Step::Kind::save, 2 * parts_ + 1, 0});
  ++parts_;
  return fault;
}

// All ways through the pattern at once, in the order in which they are preferred; each state is kept once.
struct NamePattern::Search {
  using Saved = std::vector<std::uint32_t>;
  struct Thread {
    std::size_t step;
    Saved saved;
  };

  explicit Search(const NamePattern& of) : pattern(of), seen(of.steps_.size() + 1, nowhere) {}

  // Follows what takes no character.
  void follow(std::size_t step, std::size_t at, Saved& saved, std::vector<Thread>& out) {
    if (seen[step] == at) return;
    seen[step] = at;
    if (step == pattern.steps_.size() || pattern.steps_[step].kind == Step::Kind::one_of) {
      out.push_back({step, saved});
      return;
    }
    const auto& s = pattern.steps_[step];
    if (s.kind == Step::Kind::save) {
      const auto before = saved[s.first];
      saved[s.first] = static_cast<std::uint32_t>(at);
      follow(step + 1, at, saved, out);
      saved[s.first] = before;
      return;
    }
    follow(s.first, at, saved, out);
    if (s.kind == Step::Kind::split) follow(s.second, at, saved, out);
  }

  static constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();
  const NamePattern& pattern;
  std::vector<std::size_t> seen;  // the last place at which a step was reached
};

std::optional<std::vector<std::string_view>> NamePattern::match(std::string_view name) const {
  if (!name.starts_with(prefix_)) return std::nullopt;
  Search search(*this);
  std::vector<Search::Thread> now, next;
  Search::Saved saved(2 * parts_, 0);
  search.follow(0, 0, saved, now);
  for (std::size_t at = 0; at < name.size() && !now.empty(); ++at) {
    next.clear();
    for (auto& thread : now) {
      if (thread.step == steps_.size()) continue;
      if (classes_[steps_[thread.step].first].test(static_cast<unsigned char>(name[at])))
        search.follow(thread.step + 1, at + 1, thread.saved, next);
    }
    now.swap(next);
  }
  for (const auto& thread : now) {
    if (thread.step != steps_.size()) continue;
    std::vector<std::string_view> texts;
    for (std::size_t p = 0; p < parts_; ++p) {
      const auto from = thread.saved[2 * p], to = thread.saved[2 * p + 1];
      if (from == to) return std::nullopt;
      texts.push_back(name.substr(from, to - from));
    }
    return texts;
  }
  return std::nullopt;
}

}  // namespace sam3lab::datasets
