// A verification for people and for programs.
#pragma once
#include <string>

#include "core/verify/verify.h"

namespace sam3lab {

// Findings, then tables; the last line has errors= warnings= notes= datasets= images=.
std::string verify_text(const Verification& verification);

// One JSON object, "format": "sam3lab-verify-1"; docs/howto/verify.md has its keys.
std::string verify_json(const Verification& verification);

// Grey values below which `share` of all pixels lie.
int grey_quantile(const DatasetScan& scan, double share);

}  // namespace sam3lab
