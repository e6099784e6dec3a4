// Takes what could name a person out of the pixels, before anything else sees them. Readers never hand on tags of a file.
#pragma once
#include <memory>

#include <sam3lab/api/dataset.h>

#include "core/config/tables.h"

namespace sam3lab {

// `inner` itself where `options` ask for nothing. Rectangles, found text and faces become black; masks stay. A face volume
// (DataError where it is missing or of another grid) belongs to items whose id ends with AXIS/NUMBER, as slices of volumes do.
std::shared_ptr<Dataset> anonymised(std::shared_ptr<Dataset> inner, const DatasetOptions& options);

}  // namespace sam3lab
