// The version of the code that this program was built from.
#pragma once
#include <string>

namespace sam3lab {

std::string code_commit();  // "a1b2c3d", "a1b2c3d-dirty"; "no-git" outside a checkout
std::string code_digest();  // SHA-256 of core/ and plugins/

}  // namespace sam3lab
