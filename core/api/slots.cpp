// Out-of-line destructors: each slot's vtable and type information live here once, so that exceptions and casts work across
// plugins.
#include <sam3lab/plugin.h>

namespace sam3lab {

Backbone::~Backbone() = default;
Dataset::~Dataset() = default;
Loss::~Loss() = default;
Matcher::~Matcher() = default;
Metric::~Metric() = default;
Prompt::~Prompt() = default;
Scheme::~Scheme() = default;
Registrar::~Registrar() = default;

}  // namespace sam3lab
