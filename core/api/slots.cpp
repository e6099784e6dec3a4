// Out-of-line destructors: each slot's vtable and type information live here once, so that exceptions and casts work across
// plugins.
#include <sam3lab/plugin.h>

namespace sam3lab {

Addition::~Addition() = default;
Backbone::~Backbone() = default;
Dataset::~Dataset() = default;
FeatureStore::~FeatureStore() = default;
Loss::~Loss() = default;
Matcher::~Matcher() = default;
Metric::~Metric() = default;
Prompt::~Prompt() = default;
Scheme::~Scheme() = default;
Registrar::~Registrar() = default;

at::Tensor Addition::after(const at::Tensor&, const at::Tensor& y, bool) const { return y; }
std::pair<at::Tensor, at::Tensor> Addition::keys_values(const at::Tensor& keys, const at::Tensor& values, bool) const {
  return {keys, values};
}

namespace {
[[noreturn]] void not_offered(const std::string& what) {
  throw UsageError(Fault{"[backbone]", "this backbone does not offer " + what, "", "", "choose another backbone"});
}
}  // namespace

void Backbone::move(c10::Device device) {
  if (!device.is_cpu()) not_offered("a device beside the CPU");
}
std::vector<Fault> Dataset::faults() const { return {}; }

std::vector<std::string> Backbone::keep_features(std::shared_ptr<FeatureStore>) { return {}; }
std::vector<Port> Backbone::ports() const { return {}; }
void Backbone::attach(const std::string& port, std::shared_ptr<const Addition>) { not_offered("a port '" + port + "'"); }

}  // namespace sam3lab
