// File formats of volumes. What each takes and refuses: docs/reference/formats.md.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <sam3lab/api/image.h>
#include "core/image/byte_source.h"
#include "core/image/codecs.h"

namespace sam3lab {

bool is_nrrd(std::string_view first_bytes);
bool is_meta_image(std::string_view first_bytes);

// `stored`: bytes of the file, packed or not.
Volume read_nifti(ByteSource& source, std::uint64_t stored, const VolumePart& part);
Volume read_nrrd(const std::filesystem::path& path, const VolumePart& part);
Volume read_meta_image(const std::filesystem::path& path, const VolumePart& part);
// A slice, or three that are red, green and blue, as interleaved channels.
Pixels read_nrrd_pixels(const std::filesystem::path& path);
Pixels read_meta_pixels(const std::filesystem::path& path);

// A data file that a header names: in the header's folder or below. DataError for any other place.
std::filesystem::path beside(const std::filesystem::path& header, const std::string& name);

}  // namespace sam3lab
