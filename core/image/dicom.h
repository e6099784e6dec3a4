// DICOM through DCMTK, which stands in a library of its own that is loaded at first need, and runs in a child process.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string_view>

#include <sam3lab/api/image.h>
#include "core/image/codecs.h"

namespace sam3lab {

bool is_dicom(std::string_view first_bytes);  // needs 132 of them

// A file of one or many frames, a segmentation, or a folder.
Volume read_dicom_volume(const std::filesystem::path& path, const VolumePart& part);
Pixels read_dicom_pixels(const std::filesystem::path& path, PixelUse use, std::int64_t frame);
std::int64_t count_dicom_frames(const std::filesystem::path& path);

}  // namespace sam3lab
