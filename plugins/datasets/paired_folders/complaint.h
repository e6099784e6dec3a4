// The same thing wrong with many files: one fault that names the first of them.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sam3lab/api/error.h>

namespace sam3lab::datasets::paired_folders {

class Complaint {
 public:
  void add(const std::string& name) {
    if (named_.size() < 5) named_.push_back(name);
    ++count_;
  }
  void put_into(std::vector<Fault>& faults, const std::string& where, const std::string& what, const std::string& expected,
                const std::string& fix) const {
    if (count_ == 0) return;
    auto got = fmt::format("{}: {}", count_, fmt::join(named_, ", "));
    if (count_ > named_.size()) got += ", ...";
    faults.push_back({where, what, got, expected, fix});
  }

 private:
  std::vector<std::string> named_;
  std::size_t count_ = 0;
};

}  // namespace sam3lab::datasets::paired_folders
