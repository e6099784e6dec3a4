#include "plugins/backbones/sam3/text/mojibake_search.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <sstream>
#include <string>

#include "plugins/backbones/sam3/text/mojibake.h"

namespace sam3lab::sam3 {

CharacterSet character_class(const std::string& name) {
  static const std::map<std::string, CharacterSet> classes = [] {
    struct Row {
      const char* name;
      const char* ranges;
    };
    static constexpr Row rows[] = {
#include "plugins/backbones/sam3/text/mojibake_tables.inc"
    };
    std::map<std::string, CharacterSet> all;
    for (const Row& row : rows) {
      std::istringstream in(row.ranges);
      for (std::string range; in >> range;) {
        const std::size_t dash = range.find('-');
        const auto low = static_cast<char32_t>(std::stoul(range.substr(0, dash), nullptr, 16));
        const auto high =
            dash == std::string::npos ? low : static_cast<char32_t>(std::stoul(range.substr(dash + 1), nullptr, 16));
        all[row.name].range(low, high);
      }
    }
    return all;
  }();
  return classes.at(name);
}

namespace {

// "upper+box" is a union of classes. "az", "AZ", "word" and "space" are the usual classes.
CharacterSet of(const std::string& classes) {
  CharacterSet set;
  std::istringstream in(classes);
  for (std::string name; std::getline(in, name, '+');) {
    if (name == "az") {
      set.range('a', 'z');
    } else if (name == "AZ") {
      set.range('A', 'Z');
    } else if (name == "word") {
      set.words();
    } else if (name == "space") {
      set.spaces();
    } else {
      set.add(character_class(name));
    }
  }
  return set;
}

CharacterSet one(std::u32string_view characters) { return CharacterSet().add(characters); }

// Sequences of character classes.
void add_encounters(std::vector<MojibakeSequence>& all) {
  const std::string accented = "lower+upper", symbols = "opening+closing+currency+numeric+law";
  const std::vector<std::vector<std::string>> encounters{
      {"c1"},
      {"bad+" + accented + "+box+" + symbols, "bad"},
      {"az+AZ", "lower_common+upper_common", "bad"},
      {"bad", accented + "+box+" + symbols},
      {"lower+lower_common+box+closing+currency+numeric", "upper"},
      {"box+closing+currency+numeric", "lower"},
      {"lower+box+closing", "currency"},
      {"space", "upper", "currency"},
      {"upper+box", "numeric+law"},
      {accented + "+box+currency+closing", "opening", "numeric"},
      {accented + "+currency+numeric+box+law", "closing", "opening"},
      {"currency+numeric+box", "opening"},
      {"az", "upper", "opening+currency"},
      {"box", "face"},
      {accented + "+currency+numeric+opening+closing+law", "box"},
      {"box", "closing"},
      {accented, "opening+closing", "word"},
  };
  for (const auto& encounter : encounters) {
    MojibakeSequence sequence;
    for (const std::string& classes : encounter) sequence.characters.push_back(of(classes));
    all.push_back(std::move(sequence));
  }
}

// Frequent characters decoded in a western or eastern code page.
void add_code_pages(std::vector<MojibakeSequence>& all) {
  const auto add = [&](std::vector<CharacterSet> characters, bool at_start = false) {
    all.push_back({std::move(characters), at_start});
  };
  add({one(U"\u0152\u0153"), of("az+AZ").invert()});  // the ligature oe before anything but a plain letter
  add({of("upper"), one(U"\u00B0")});
  // Windows-1252
  add({one(U"\u00C2\u00C3\u00CE\u00D0"), of("opening+closing")
                                             .add(one(U"\u20AC\u0153\u0160\u0161\u00A2\u00A3\u0178\u017E\u00A0\u00AD\u00AE"
                                                      U"\u00A9\u00B0\u00B7\u00BB\u2013\u2014\u00B4"))});
  add({one(U"\u00D7"), one(U"\u00B2\u00B3")});
  // ... Arabic: two letters in a row, because parts of them are frequent
  const CharacterSet arabic = one(U"\u00D8\u00D9"),
                     part = of("common+currency+bad+numeric+opening").add(one(U"\u0178\u0160\u00AE\u00B0\u00B5\u00BB"));
  add({arabic, part, arabic, part});
  // ... South Asian scripts
  add({one(U"\u00E0"), one(U"\u00B2\u00B5\u00B9\u00BC\u00BD\u00BE")});
  // MacRoman
  add({one(U"\u221A"), one(U"\u00B1\u2202\u2020\u2260\u00AE\u2122\u00B4\u2264\u2265\u00A5\u00B5\u00F8")});
  add({one(U"\u2248"), one(U"\u00B0\u00A2")});
  add({one(U"\u201A"), one(U"\u00C4"), one(U"\u00EC\u00EE\u00EF\u00F2\u00F4\u00FA\u00F9\u00FB\u2020\u00B0\u00A2\u03C0")});
  add({one(U"\u201A"), one(U"\u00E2\u00F3"), one(U"\u00E0\u00E4\u00B0\u00EA")});
  // Windows-1251
  add({one(U"\u0432"), one(U"\u0402")});
  const CharacterSet cyrillic = one(U"\u0412\u0413\u0420\u0421");
  add({cyrillic, of("c1+bad+opening+closing+currency").add(one(U"\u00B0\u00B5")), cyrillic});
  add({one(U"\u0413"), one(U"\u045E"), one(U"\u0412"), one(U"\u0402"), one(U"\u0412"), one(U"\n").invert(),
       of("az+AZ").add(one(U" "))});
  // Windows-1252: a grave, a acute and the no-break space
  add({one(U"\u00C3"), one(U"\u00A0\u00A1")});
  add({of("az"), one(U"\u00C2\u00C3"), one(U" ")});
  add({of("az"), of("space"), one(U"\u00C2\u00C3"), one(U" ")});
  add({one(U"\u00C2\u00C3"), one(U" ")}, true);
  add({of("az+closing").add(one(U".,?!")), one(U"\u00C2"), of("opening+closing").add(one(U" "))});
  // Windows-1253
  add({one(U"\u03B2"), one(U"\u20AC"), one(U"\u2122\u00A0\u0386\u00AD\u00AE\u00B0")});
  const CharacterSet greek = one(U"\u0392\u0393\u039E\u039F");
  add({greek, of("c1+bad+opening+closing+currency").add(one(U"\u00B0")), greek});
  // Windows-1257
  add({one(U"\u0101"), one(U"\u20AC")});
}

}  // namespace

const std::vector<MojibakeSequence>& mojibake_sequences() {
  static const std::vector<MojibakeSequence> made = [] {
    std::vector<MojibakeSequence> all;
    add_encounters(all);
    add_code_pages(all);
    return all;
  }();
  return made;
}

bool is_mojibake(std::u32string_view text) {
  const auto starts = [&](const MojibakeSequence& sequence, std::size_t at) {
    if (text.size() - at < sequence.characters.size() || (sequence.at_start && at > 0)) return false;
    for (std::size_t i = 0; i < sequence.characters.size(); ++i) {
      if (!sequence.characters[i].holds(text[at + i])) return false;
    }
    return true;
  };
  bool ascii = true;
  for (const char32_t c : text) ascii = ascii && c < 0x80;
  if (ascii) return false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const MojibakeSequence& sequence : mojibake_sequences()) {
      if (starts(sequence, at)) return true;
    }
  }
  return false;
}

}  // namespace sam3lab::sam3
