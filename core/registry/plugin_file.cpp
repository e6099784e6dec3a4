#include "core/registry/plugin_file.h"

#include <elf.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <string>

#include <boost/dll/shared_library.hpp>

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

// Why the system's loader must not see this file, or nothing. It maps what the headers promise: a library that was cut short in
// copying would end the program with SIGBUS.
std::string broken_library(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return "no regular file";
  const std::uint64_t size = std::filesystem::file_size(file, error);
  std::ifstream stream(file, std::ios::binary);
  Elf64_Ehdr header{};
  if (error || !stream.read(reinterpret_cast<char*>(&header), sizeof header)) return "a file too short for a library";
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64)
    return "no 64-bit ELF library";
  if (header.e_type != ET_DYN || header.e_phentsize != sizeof(Elf64_Phdr)) return "no shared ELF library";
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part{};
    stream.seekg(static_cast<std::streamoff>(header.e_phoff) + i * static_cast<std::streamoff>(sizeof part));
    if (!stream.read(reinterpret_cast<char*>(&part), sizeof part)) return "a library whose headers are cut off";
    const bool inside = part.p_filesz <= size && part.p_offset <= size - part.p_filesz;
    if ((part.p_type == PT_LOAD || part.p_type == PT_DYNAMIC) && !inside) return "a library that is cut off";
  }
  return "";
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
  if (const std::string reason = broken_library(file); !reason.empty()) {
    faults.push_back({file.string(), "cannot be loaded", reason, "a whole shared library", rebuild});
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
