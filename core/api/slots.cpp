// Out-of-line destructors: each slot's vtable and type information live here once, so that exceptions and casts work across
// plugins.
#include <sam3lab/plugin.h>

namespace sam3lab {

AdapterModule::~AdapterModule() = default;
Backbone::~Backbone() = default;
CheckpointLayouts::~CheckpointLayouts() = default;
Dataset::~Dataset() = default;
FeatureStore::~FeatureStore() = default;
Loss::~Loss() = default;
Matcher::~Matcher() = default;
Metric::~Metric() = default;
Prompt::~Prompt() = default;
Scheme::~Scheme() = default;
Registrar::~Registrar() = default;

at::Tensor AdapterModule::after(const at::Tensor&, const at::Tensor& y, bool) const { return y; }
std::pair<at::Tensor, at::Tensor> AdapterModule::keys_values(const at::Tensor& keys, const at::Tensor& values, bool) const {
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
std::string Backbone::use_memory_policy(MemoryPolicy) { return {}; }
std::vector<Fault> Dataset::faults() const { return {}; }

std::shared_ptr<const CheckpointLayouts> Backbone::checkpoint_layouts() const { return nullptr; }
std::vector<std::string> Backbone::cache_features(std::shared_ptr<FeatureStore>) { return {}; }
std::vector<InjectionPoint> Backbone::injection_points() const { return {}; }
void Backbone::attach(const std::string& point, std::shared_ptr<const AdapterModule>) {
  not_offered("an injection point '" + point + "'");
}

std::string CheckpointLayouts::module_not_built(std::string_view name) const {
  return std::string(name.substr(0, name.find('.')));
}
std::string CheckpointLayouts::torch_key(const std::string&) const { return "model"; }
CheckpointSizes CheckpointLayouts::sizes_of(const NamedCheckpoint&) const {
  return {std::nullopt, "a checkpoint whose backbone cannot tell its sizes", ""};
}
std::vector<std::string> CheckpointLayouts::transformers_names(std::string_view) const { return {}; }

}  // namespace sam3lab
