// Named and numbered character references.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sam3lab::sam3 {

// By name, without "&"; names the standard allows without a semicolon are there both ways.
[[nodiscard]] const std::unordered_map<std::string, std::u32string>& html_entities();

// What a reference to `number` stands for: control characters as browsers read them, U+FFFD for what is no character, nothing
// for what is forbidden.
[[nodiscard]] std::u32string numbered_character(std::uint64_t number);

}  // namespace sam3lab::sam3
