// Where plugins look for the reader of small TOML files.
#pragma once
#include <sam3lab/api/toml_file.h>  // IWYU pragma: export
