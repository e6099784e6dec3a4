// A verification as one page that needs nothing beside it.
#pragma once
#include <filesystem>
#include <string>

#include "core/verify/verify.h"

namespace sam3lab {

// Writes DIR/verify.html: findings, tables, some images of each dataset with the outlines of their masks, and the pairs that
// cross the split. The images are inside the page, at most 192 pixels a side.
void write_verify_page(const Verification& verification, const std::string& title, const std::filesystem::path& folder);

}  // namespace sam3lab
