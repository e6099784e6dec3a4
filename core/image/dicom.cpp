#include "core/image/dicom.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <torch/types.h>

#include <sam3lab/api/error.h>
#include "core/image/byte_source.h"
#include "core/image/dicom/reader.h"
#include "core/image/voxels.h"
#include "core/tensor/own_process.h"

namespace sam3lab {
namespace {

constexpr std::uintmax_t largest_file = std::uintmax_t{1} << 30, largest_folder = std::uintmax_t{8} << 30;
constexpr std::size_t most_files = 20000;

const dicom::Reader& reader() {
  static const dicom::Reader* const loaded = [] {
    void* const library = dlopen(SAM3LAB_DICOM, RTLD_NOW | RTLD_LOCAL);
    void* const symbol = library == nullptr ? nullptr : dlsym(library, "sam3lab_dicom_reader");
    if (symbol == nullptr) throw DataError(Fault{SAM3LAB_DICOM, "cannot be loaded", dlerror(), "", "see sam3lab doctor"});
    return reinterpret_cast<const dicom::Reader* (*)()>(symbol)();
  }();
  return *loaded;
}

std::string ask(const std::filesystem::path& path, std::uintmax_t bytes, const std::function<std::string()>& work) {
  reader();  // loaded here, once, and not in each child
  OwnProcess process{path.string(), "DCMTK", "a DICOM file", "fetch or export it again"};
  constexpr std::uint64_t bytes_a_second = 4 << 20;
  process.seconds += bytes / bytes_a_second;
  process.memory = std::uint64_t{10} << 30;
  return in_own_process(process, work);
}

std::uintmax_t checked_file(const std::filesystem::path& path) {
  const auto size = require_file(path);
  if (size <= largest_file) return size;
  throw DataError(Fault{path.string(), "too large", std::to_string(size) + " bytes", "at most 1 GiB", ""});
}

template <class Head>
Head head_of(const std::string& answer, const std::string& name) {
  Head head;
  if (answer.size() < sizeof head) throw DataError(Fault{name, "damaged: no image came out of it", "", "", ""});
  std::memcpy(&head, answer.data(), sizeof head);
  return head;
}

Volume to_volume(const std::string& answer, const std::string& name) {
  const auto head = head_of<dicom::VolumeHead>(answer, name);
  const auto count = checked_count(name, {head.shape.begin(), head.shape.end()});
  if ((answer.size() - sizeof head) / sizeof(float) != static_cast<std::size_t>(count))
    throw DataError(Fault{name, "damaged: not all of its voxels came out", "", "", ""});
  Volume volume;
  const auto flat = torch::empty({head.shape[2], head.shape[1], head.shape[0]}, torch::kFloat32);
  std::memcpy(flat.data_ptr<float>(), answer.data() + sizeof head, static_cast<std::size_t>(count) * sizeof(float));
  volume.voxels = flat.permute({2, 1, 0});
  set_affine(volume, from_lps(head.affine), name);
  volume.modality.assign(head.modality.data(), ::strnlen(head.modality.data(), head.modality.size()));
  if (head.low < head.high) volume.shown = std::pair(head.low, head.high);
  return volume;
}

}  // namespace

bool is_dicom(std::string_view first_bytes) { return first_bytes.size() >= 132 && first_bytes.substr(128, 4) == "DICM"; }

Volume read_dicom_volume(const std::filesystem::path& path, const VolumePart& part) {
  const auto name = path.string();
  if (!std::filesystem::is_directory(path))
    return to_volume(ask(path, checked_file(path), [&] { return reader().volume(path); }), name);
  std::vector<std::filesystem::path> files;
  std::uintmax_t bytes = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    if (!entry.is_regular_file(error) || !is_dicom(first_bytes(entry.path(), 132))) continue;
    bytes += checked_file(entry.path());
    files.push_back(entry.path());
    if (files.size() > most_files || bytes > largest_folder)
      throw DataError(Fault{name, "folder too large for a series", "", "at most 20000 files and 8 GiB", ""});
  }
  if (error) throw DataError(Fault{name, "cannot be read: " + error.message(), "", "", ""});
  if (files.empty()) throw DataError(Fault{name, "no DICOM file in this folder", "", "the files of one series", ""});
  std::sort(files.begin(), files.end());
  return to_volume(ask(path, bytes, [&] { return reader().series(name, files, part.series); }), name);
}

Pixels read_dicom_pixels(const std::filesystem::path& path, PixelUse use, std::int64_t frame) {
  const auto answer = ask(path, checked_file(path), [&] { return reader().image(path, use, frame); });
  const auto head = head_of<dicom::PictureHead>(answer, path.string());
  check_size(path.string(), static_cast<std::uint64_t>(head.height), static_cast<std::uint64_t>(head.width));
  Pixels pixels{head.height, head.width, head.channels, static_cast<int>(head.bits), {}};
  const bool kind = (head.channels == 1 || head.channels == 3) && (head.bits == 8 || head.bits == 16);
  const auto bytes = static_cast<std::size_t>(head.height * head.width * head.channels * (head.bits / 8));
  if (!kind || answer.size() - sizeof head != bytes)
    throw DataError(Fault{path.string(), "damaged: no image came out of it", "", "", ""});
  pixels.bytes.assign(answer.begin() + sizeof head, answer.end());
  return pixels;
}

std::int64_t count_dicom_frames(const std::filesystem::path& path) {
  const auto answer = ask(path, checked_file(path), [&] {
    const auto frames = reader().frames(path);
    std::string bytes(sizeof frames, '\0');
    std::memcpy(bytes.data(), &frames, sizeof frames);
    return bytes;
  });
  return head_of<std::int64_t>(answer, path.string());
}

}  // namespace sam3lab
