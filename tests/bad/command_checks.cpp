// Runs the commands of a text file in this process and compares exit codes, outputs and files: what needs only a command line
// and an expected error is checked without starting the program each time. tests/bad/README.md describes the text. Use:
// command_checks FILE [NAME=VALUE...]   in an empty folder; $NAME in FILE is replaced by VALUE
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/cli/program.h"

namespace {

namespace fs = std::filesystem;

// std::cout or std::cerr into a text, for as long as this lives.
class Captured {
 public:
  explicit Captured(std::ostream& stream) : stream_(stream), before_(stream.rdbuf(text_.rdbuf())) {}
  ~Captured() {
    stream_.rdbuf(before_);
    stream_.clear();
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  [[nodiscard]] std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::ostream& stream_;
  std::streambuf* before_;
};

// As a shell divides them: 'as it stands', "the same" and a\ b.
std::vector<std::string> split_words(std::string_view line) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote != 0) {
      *word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      if (!word) word.emplace();
    } else if (c == ' ') {
      if (word) words.push_back(*word);
      word.reset();
    } else {
      if (!word) word.emplace();
      *word += c;
    }
  }
  if (quote != 0) throw std::runtime_error("a quote is not closed");
  if (word) words.push_back(*word);
  return words;
}

// "exit 2" -> {"exit", "2"}
std::pair<std::string, std::string> divide(const std::string& line) {
  const std::size_t space = line.find(' ');
  return space == std::string::npos ? std::pair{line, std::string()} : std::pair{line.substr(0, space), line.substr(space + 1)};
}

class Checks {
 public:
  void define(const std::string& name, const std::string& value) { variables_[name] = value; }

  void read(const std::string& file) {
    std::ifstream in(file);
    if (!in) throw std::runtime_error(file + ": cannot be read");
    std::string line;
    for (int number = 1; std::getline(in, line); ++number) {
      place_ = file + ":" + std::to_string(number);
      try {
        obey(line);
      } catch (const std::exception& error) {
        throw std::runtime_error(place_ + ": " + error.what());
      }
    }
    finish_command();
  }

  [[nodiscard]] int checks() const { return checks_; }
  [[nodiscard]] int failed() const { return failed_; }
  [[nodiscard]] int commands() const { return commands_; }

 private:
  void obey(const std::string& raw) {
    if (raw.starts_with("| ")) return append(raw.substr(2) + "\n");
    if (raw == "|") return append("\n");
    if (raw.empty() || raw.starts_with("#")) return;
    const std::string line = replaced(raw);
    const auto [word, rest] = divide(line);
    if (word == "$") return run(rest);
    if (word == "env") return set_environment(rest);
    if (word == "file") return start_file(rest, "");
    if (word == "child") return start_file(rest, "extends = \"good.toml\"\n");
    if (word == "repeat") return repeat(rest);
    if (word == "noise") return noise(rest);
    if (word == "cut") return cut(rest);
    if (word == "remove") return void(fs::remove(rest));
    if (word == "copy") return cut("1000000000 " + rest);
    if (word == "exit") return expect(code_ == std::stoi(rest), "exit code " + std::to_string(code_) + ", expected " + rest);
    if (word == "err") return expect_match(rest, err_, "standard error");
    if (word == "out") return expect_match(rest, out_, "standard output");
    if (word == "absent") return expect(!fs::exists(rest), rest + " exists");
    throw std::runtime_error("unknown word " + word +
                             "; known: $ env file child repeat noise cut copy remove exit err out absent");
  }

  [[nodiscard]] std::string replaced(std::string text) const {
    for (const auto& [name, value] : variables_) {
      const std::string marked = "$" + name;
      for (std::size_t at = text.find(marked); at != std::string::npos; at = text.find(marked, at + value.size())) {
        text.replace(at, marked.size(), value);
      }
    }
    return text;
  }

  void start_file(const std::string& name, const std::string& text) {
    file_ = name;
    std::ofstream(file_, std::ios::trunc | std::ios::binary) << text;
  }
  void append(const std::string& text) const {
    if (file_.empty()) throw std::runtime_error("text without a file");
    std::ofstream(file_, std::ios::app | std::ios::binary) << text;
  }
  void repeat(const std::string& rest) const {  // COUNT TEXT
    const auto [count, text] = divide(rest);
    std::string all;
    for (int i = 0; i < std::stoi(count); ++i) all += text;
    append(all);
  }
  void noise(const std::string& rest) const {  // COUNT: bytes that look random and are the same each time
    std::mt19937 numbers(1);
    std::string all(static_cast<std::size_t>(std::stoi(rest)), '\0');
    for (char& c : all) c = static_cast<char>(numbers() & 0xff);
    append(all);
  }
  static void cut(const std::string& rest) {  // BYTES FROM TO: the first bytes of a file
    const auto words = split_words(rest);
    fs::copy_file(words.at(1), words.at(2), fs::copy_options::overwrite_existing);
    fs::resize_file(words.at(2), std::min(std::stoul(words.at(0)), static_cast<unsigned long>(fs::file_size(words.at(1)))));
  }
  void set_environment(const std::string& rest) {
    const std::size_t equals = rest.find('=');
    const std::string name = rest.substr(0, equals);
    if (equals == std::string::npos || rest.size() == equals + 1) {
      ::unsetenv(name.c_str());
    } else {
      ::setenv(name.c_str(), rest.substr(equals + 1).c_str(), 1);
    }
  }

  void run(const std::string& line) {
    finish_command();
    command_ = line;
    expected_ = 0;
    ++commands_;
    const Captured out(std::cout), err(std::cerr);
    code_ = sam3lab::run_program(split_words(line));
    out_ = out.text();
    err_ = err.text();
  }
  // A command with no expectation would check nothing.
  void finish_command() {
    if (!command_.empty() && expected_ == 0) throw std::runtime_error("nothing is expected of: " + command_);
  }

  void expect(bool holds, const std::string& fault) {
    ++checks_;
    ++expected_;
    if (holds) return;
    ++failed_;
    std::cout << "FAILED: " << place_ << ": sam3lab " << command_ << "\n  " << fault << "\n";
    for (const std::string& text : {out_, err_}) {
      if (!text.empty()) std::cout << "  | " << text.substr(0, 2000) << (text.ends_with("\n") ? "" : "\n");
    }
  }
  void expect_match(const std::string& pattern, const std::string& text, const std::string& where) {
    const std::regex wanted(pattern, std::regex::extended);
    std::istringstream lines(text);
    bool found = false;
    for (std::string line; !found && std::getline(lines, line);) found = std::regex_search(line, wanted);
    expect(found, where + " has no line that matches: " + pattern);
  }

  std::map<std::string, std::string> variables_;
  std::string place_, file_, command_, out_, err_;
  int code_ = 0, checks_ = 0, failed_ = 0, expected_ = 0, commands_ = 0;
};

}  // namespace

int main(int count, char** values) {
  if (count < 2) {
    std::cerr << "use: command_checks FILE [NAME=VALUE...]\n";
    return 2;
  }
  try {
    Checks checks;
    for (int i = 2; i < count; ++i) {
      const std::string pair = values[i];
      checks.define(pair.substr(0, pair.find('=')), pair.substr(pair.find('=') + 1));
    }
    checks.read(values[1]);
    std::cout << "file=" << fs::path(values[1]).filename().string() << " commands=" << checks.commands()
              << " checks=" << checks.checks() << " failed=" << checks.failed() << "\n";
    return checks.failed() == 0 && checks.checks() > 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::cout << error.what() << "\n";
    return 1;
  }
}
