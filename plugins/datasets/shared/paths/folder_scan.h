// Which files of a dataset's folder its templates can mean.
#pragma once
#include <string>
#include <vector>

#include "plugins/datasets/shared/paths/path_template.h"

namespace sam3lab::datasets {

// Paths relative to `root`, '/' between folders, sorted by bytes, each once. Only folders that one of the templates leads
// through are opened, so that neither other data beside them nor a link that leads in circles is followed. Names that begin
// with a dot, and __MACOSX, are passed over: file systems leave them behind. With `folders`, a folder that a template describes
// as a whole is listed too (a DICOM series). Throws DataError for a root or folder that cannot be read, a name that is no
// UTF-8, and more than four million files.
std::vector<std::string> scan_folder(const std::string& root, const std::vector<PathTemplate>& templates, bool folders = false);

}  // namespace sam3lab::datasets
