// The table of one plugin as text, to keep beside what was made with it.
#pragma once
#include <string>

#include "core/config/catalogue.h"
#include "core/config/experiment.h"

namespace sam3lab {

// "[scheme]\nuse = ...", every option with its value. For slots of one plugin (is_single).
std::string write_choice(const PluginChoice& choice);

// Back from text that may come from anywhere: checked as a table of an experiment. UsageError with every fault; `where` names
// the text in them.
PluginChoice read_choice(const std::string& text, const std::string& slot, const std::string& where,
                         const Catalogue& catalogue);

}  // namespace sam3lab
