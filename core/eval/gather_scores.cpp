#include "core/eval/gather_scores.h"

#include <nlohmann/json.hpp>

namespace sam3lab {
namespace {

using nlohmann::json;

json to_json(const ScoreRow& row) {
  return {row.stage,      row.item,  row.label,       row.prompt,           row.present,
          row.confidence, row.fired, row.true_pixels, row.predicted_pixels, row.metrics};
}

ScoreRow from_json(const json& value) {
  ScoreRow row;
  row.stage = value.at(0);
  row.item = value.at(1);
  row.label = value.at(2);
  row.prompt = value.at(3);
  row.present = value.at(4);
  row.confidence = value.at(5);
  row.fired = value.at(6);
  row.true_pixels = value.at(7);
  row.predicted_pixels = value.at(8);
  for (const auto& [name, score] : value.at(9).items()) row.metrics[name] = score;
  return row;
}

}  // namespace

bool gather_scores(const Ranks& ranks, bool stopped, std::vector<std::vector<ScoreRow>>& rows) {
  json mine = {{"stopped", stopped}, {"items", json::array()}};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].empty()) continue;
    json of_item = json::array();
    for (const auto& row : rows[i]) of_item.push_back(to_json(row));
    mine["items"].push_back({i, std::move(of_item)});
  }
  const auto bytes = json::to_msgpack(mine);
  const auto all = ranks.exchange({bytes.begin(), bytes.end()});
  for (auto& of_item : rows) of_item.clear();
  for (const auto& text : all) {
    const auto part = json::from_msgpack(text.begin(), text.end());
    if (part.at("stopped").get<bool>()) return false;
    for (const auto& entry : part.at("items")) {
      auto& of_item = rows.at(entry.at(0).get<std::size_t>());
      for (const auto& row : entry.at(1)) of_item.push_back(from_json(row));
    }
  }
  return true;
}

}  // namespace sam3lab
