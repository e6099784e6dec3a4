// Stored values -> what they stand for -> what is shown.
#pragma once
#include <string>
#include <vector>

#include "core/image/dicom/file.h"
#include "core/image/dicom/pixels.h"
#include "core/image/dicom/reader.h"

namespace sam3lab::dicom {

// Rescaled, or through the file's modality table.
std::vector<float> rescaled(const File& file, const Frame& frame, const std::vector<std::int32_t>& stored);
// Black and white of a window; equal if it is a mere step.
std::pair<double, double> limits_of(const Window& window);

// An image's head and samples as bytes: see reader.h.
std::string image_bytes(const File& file, PixelUse use, std::int64_t frame);

}  // namespace sam3lab::dicom
