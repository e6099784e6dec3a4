// sam3lab tokenize TEXT... [--backbone NAME] [--json]
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <sam3lab/api/error.h>

#include "core/cli/arguments.h"
#include "core/registry/registry.h"

namespace sam3lab {
namespace {

namespace po = boost::program_options;
constexpr const char* where_tokenize = "sam3lab tokenize";

std::shared_ptr<Backbone> make_backbone(const Registry& registry, std::string name) {
  const auto slot = registry.catalogue().find(std::string(Backbone::slot));
  if (slot == registry.catalogue().end() || slot->second.empty()) {
    throw UsageError(Fault{where_tokenize, "no plugin fills the slot 'backbone'", "", "", "see sam3lab doctor"});
  }
  if (name.empty()) name = slot->second.begin()->first;
  const auto* offer = registry.offer(Backbone::slot, name);
  if (offer == nullptr) throw UsageError(unknown_plugin(registry.catalogue(), where_tokenize, "backbone", name));
  return registry.make<Backbone>({std::string(Backbone::slot), name, name, offer->smallest, where_tokenize});
}

int run_tokenize(const Context& context, const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("text", po::value<std::vector<std::string>>(), "texts; after -- one may begin with a dash")(
      "backbone", po::value<std::string>()->default_value(""),
      "whose tokenizer; default: the first of `sam3lab list backbone`");
  po::positional_options_description positions;
  positions.add("text", -1);
  const auto values = parse_arguments(tokenize_command, arguments, options, positions);
  if (!values) return 0;
  if (values->count("text") == 0) {
    throw UsageError(Fault{where_tokenize, "no text given", "", "", "usage: sam3lab " + std::string(tokenize_command.usage)});
  }
  const auto backbone = make_backbone(context.registry(), (*values)["backbone"].as<std::string>());
  auto document = nlohmann::ordered_json::array();
  for (const auto& text : (*values)["text"].as<std::vector<std::string>>()) {
    const auto ids = backbone->tokenize(text);
    if (context.json) {
      document.push_back({{"text", text}, {"ids", ids}});
      continue;
    }
    for (std::size_t i = 0; i < ids.size(); ++i) std::cout << (i == 0 ? "" : " ") << ids[i];
    std::cout << "\n";
  }
  if (context.json) std::cout << document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  return 0;
}

}  // namespace

extern const Command tokenize_command = {"tokenize", "token ids of texts, as the text encoder reads them",
                                         "tokenize TEXT... [--backbone NAME] [--json]", run_tokenize};

}  // namespace sam3lab
