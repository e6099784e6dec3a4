#include "core/registry/plugin_file.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/dll/shared_library.hpp>

#include "core/base/text.h"

namespace sam3lab {
namespace {

constexpr const char* symbol = "sam3lab_plugin_info";
constexpr const char* rebuild =
    "rebuild it with the headers and compiler of this program: ninja -C build for one in the tree, "
    "cmake --build again after find_package(sam3lab) for your own";

// Empty if they are compatible. The stamp is looked at last: its place is certain for a known version of the interface alone.
Fault mismatch(const std::string& file, const PluginInfo& info) {
  if (std::memcmp(info.magic, plugin_magic, sizeof plugin_magic) != 0) {
    return {file, "is no sam3lab plugin", "another magic number in " + std::string(symbol), "'sam3lab'", rebuild};
  }
  if (info.api != plugin_api) {
    return {file, "has another plugin interface", "version " + std::to_string(info.api),
            "version " + std::to_string(plugin_api), rebuild};
  }
  if (info.stamp == nullptr || info.name == nullptr || info.version == nullptr || info.enrol == nullptr) {
    return {file, "is a broken plugin", "an empty field in " + std::string(symbol), "SAM3LAB_PLUGIN(name) to fill it", rebuild};
  }
  if (std::strcmp(info.stamp, SAM3LAB_STAMP) != 0) {
    return {file, "wrong stamp", "'" + std::string(info.stamp) + "'", "'" SAM3LAB_STAMP "'", rebuild};
  }
  return {};
}

// What must be known of a file before the system's loader sees it.
struct Library {
  std::string broken;  // why it must not be loaded; the loader maps what the headers promise, and a file that was cut
                       // short would end the program with SIGBUS
  std::optional<std::string> stamp;  // what section ".sam3lab" holds
};

// Reads the structure at `offset`; false if the file ends before.
template <class T>
bool read_at(std::ifstream& stream, std::uint64_t offset, T& value) {
  stream.clear();
  stream.seekg(static_cast<std::streamoff>(offset));
  return static_cast<bool>(stream.read(reinterpret_cast<char*>(&value), sizeof value));
}

std::string text_at(std::ifstream& stream, std::uint64_t offset, std::uint64_t most) {
  std::string text(most, '\0');
  stream.clear();
  stream.seekg(static_cast<std::streamoff>(offset));
  stream.read(text.data(), static_cast<std::streamsize>(most));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text.substr(0, text.find('\0'));
}

std::optional<std::string> read_stamp(std::ifstream& stream, const Elf64_Ehdr& header) {
  constexpr std::uint64_t most_stamp = 1024, most_name = 16;
  const auto section = [&](unsigned i, Elf64_Shdr& into) {
    return read_at(stream, header.e_shoff + std::uint64_t{i} * sizeof into, into);
  };
  Elf64_Shdr names{};
  if (header.e_shentsize != sizeof names || !section(header.e_shstrndx, names)) return std::nullopt;
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr one{};
    if (!section(i, one)) return std::nullopt;
    if (text_at(stream, names.sh_offset + one.sh_name, most_name) == ".sam3lab")
      return text_at(stream, one.sh_offset, std::min<std::uint64_t>(one.sh_size, most_stamp));
  }
  return std::nullopt;
}

Library read_library(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return {"no regular file", {}};
  const std::uint64_t size = std::filesystem::file_size(file, error);
  std::ifstream stream(file, std::ios::binary);
  Elf64_Ehdr header{};
  if (error || !stream.read(reinterpret_cast<char*>(&header), sizeof header)) return {"a file too short for a library", {}};
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64)
    return {"no 64-bit ELF library", {}};
  if (header.e_type != ET_DYN || header.e_phentsize != sizeof(Elf64_Phdr)) return {"no shared ELF library", {}};
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part{};
    if (!read_at(stream, header.e_phoff + std::uint64_t{i} * sizeof part, part))
      return {"a library whose headers are cut off", {}};
    const bool inside = part.p_filesz <= size && part.p_offset <= size - part.p_filesz;
    if ((part.p_type == PT_LOAD || part.p_type == PT_DYNAMIC) && !inside) return {"a library that is cut off", {}};
  }
  return {"", read_stamp(stream, header)};
}

// What is wrong with the stamp; an empty fault if it fits.
Fault wrong_stamp(const std::string& file, const std::optional<std::string>& found) {
  constexpr std::string_view magic = "sam3lab ";
  const std::string expected = std::to_string(plugin_api) + " " + SAM3LAB_STAMP;
  if (!found) {
    return {file, "is no sam3lab plugin", "a library without the section .sam3lab", "SAM3LAB_PLUGIN(name) in its source",
            "take it out of the plugin folder, or rebuild it with the headers of this program"};
  }
  if (!found->starts_with(magic))
    return {file, "is no sam3lab plugin", "another magic word in section .sam3lab", "'sam3lab'", rebuild};
  const std::string text = found->substr(magic.size());
  if (text == expected) return {};
  const std::string api = text.substr(0, text.find(' '));
  if (api != std::to_string(plugin_api))
    return {file, "has another plugin interface", "version " + shorten(api), "version " + std::to_string(plugin_api), rebuild};
  const auto stamp = text.substr(std::min(text.size(), api.size() + 1));
  return {file, "wrong stamp", "'" + stamp + "'", "'" SAM3LAB_STAMP "'", rebuild};
}

// What the system's loader said, without Boost's words around it.
std::string loader_message(const std::string& text) {
  const std::string before = "dlerror system message: ";
  const std::size_t begin = text.find(before), end = text.rfind("): ");
  if (begin == std::string::npos || end == std::string::npos || end < begin + before.size()) return text;
  return text.substr(begin + before.size(), end - begin - before.size());
}

}  // namespace

const PluginInfo* open_plugin(const std::filesystem::path& file, std::vector<Fault>& faults) {
  namespace dll = boost::dll;
  const Library found = read_library(file);
  if (!found.broken.empty()) {
    faults.push_back({file.string(), "cannot be loaded", found.broken, "a whole shared library", rebuild});
    return nullptr;
  }
  if (Fault fault = wrong_stamp(file.string(), found.stamp); !fault.where.empty()) {
    faults.push_back(std::move(fault));
    return nullptr;
  }
  std::unique_ptr<dll::shared_library> library;
  try {
    // The absolute name keeps the system from searching its own folders.
    library = std::make_unique<dll::shared_library>(std::filesystem::absolute(file),
                                                    dll::load_mode::rtld_now | dll::load_mode::rtld_local);
  } catch (const std::exception& error) {
    faults.push_back({file.string(), "cannot be loaded", loader_message(error.what()),
                      "a shared library that links against this program's LibTorch", rebuild});
    return nullptr;
  }
  if (!library->has(symbol)) {
    faults.push_back({file.string(), "is no sam3lab plugin", "no symbol " + std::string(symbol),
                      "SAM3LAB_PLUGIN(name) in its source", "take it out of the plugin folder"});
    return nullptr;
  }
  // Never unloaded: the code of destructors and of exceptions must outlive every object a plugin made.
  const auto* info = &library.release()->get<const PluginInfo>(symbol);
  Fault fault = mismatch(file.string(), *info);
  if (fault.where.empty()) return info;
  faults.push_back(std::move(fault));
  return nullptr;
}

}  // namespace sam3lab
