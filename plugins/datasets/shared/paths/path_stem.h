// Names of cases from names of files.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace sam3lab::datasets {

// A path without the ending of its file, both parts of a double one: "a/mr.1.nii.gz" -> "a/mr.1".
inline std::string without_ending(const std::string& path) {
  static constexpr std::string_view segmentation = ".seg.nrrd";
  if (path.ends_with(segmentation)) return path.substr(0, path.size() - segmentation.size());
  std::filesystem::path file(path);
  if (path.ends_with(".gz")) file.replace_extension();
  return file.replace_extension().generic_string();
}

// The name alone; a folder (a DICOM series) keeps its dots.
inline std::string stem_of(const std::string& path) {
  auto text = path;
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  std::error_code missing;
  const bool folder = std::filesystem::is_directory(text, missing);
  return std::filesystem::path(folder ? text : without_ending(text)).filename().string();
}

}  // namespace sam3lab::datasets
