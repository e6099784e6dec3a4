// From the bytes of an HDF5 file to a record, in this process.
#pragma once
#include <string>

#include "core/record/run_record.h"

namespace sam3lab {

// DataError for whatever is no result. HDF5's own parser does not survive every damaged file: read_record calls this in a
// process that may die.
RunRecord parse_record(const std::string& bytes, const std::string& name);

}  // namespace sam3lab
