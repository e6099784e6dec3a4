#include <algorithm>
#include <array>
#include <cstring>

#include <sam3lab/api/error.h>

#include "core/tensor/zip.h"

namespace sam3lab::zip {
namespace {

constexpr std::uint64_t alignment = 64;
constexpr std::uint16_t version = 45, utf8 = 0x0800, epoch_date = 0x21;  // fixed date: equal content gives equal files

template <class T>
void put(std::string& into, T value) {
  into.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// CRC-32 of IEEE 802.3, eight bytes per step: table k holds the remainder of a byte followed by k zero bytes.
std::array<std::array<std::uint32_t, 256>, 8> crc_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t r = i;
    for (int bit = 0; bit < 8; ++bit) r = (r >> 1) ^ ((r & 1U) != 0 ? 0xEDB88320U : 0U);
    tables[0][i] = r;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t i = 0; i < 256; ++i) tables[k][i] = (tables[k - 1][i] >> 8) ^ tables[0][tables[k - 1][i] & 0xFFU];
  }
  return tables;
}

}  // namespace

std::uint32_t crc32(std::string_view bytes) {
  static const auto tables = crc_tables();
  std::uint32_t r = 0xFFFFFFFFU;
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint32_t low = 0, high = 0;
    std::memcpy(&low, at, 4);
    std::memcpy(&high, at + 4, 4);
    low ^= r;
    r = tables[7][low & 0xFFU] ^ tables[6][(low >> 8) & 0xFFU] ^ tables[5][(low >> 16) & 0xFFU] ^ tables[4][low >> 24] ^
        tables[3][high & 0xFFU] ^ tables[2][(high >> 8) & 0xFFU] ^ tables[1][(high >> 16) & 0xFFU] ^ tables[0][high >> 24];
  }
  for (; left > 0; ++at, --left) r = (r >> 8) ^ tables[0][(r ^ *at) & 0xFFU];
  return ~r;
}

void Writer::add(const std::string& name, std::string_view bytes) {
  const bool wide = bytes.size() >= wide_from_;
  const Written entry{name, file_.position(), bytes.size(), crc32(bytes)};
  std::string extra;
  if (wide) {
    put<std::uint16_t>(extra, 1);
    put<std::uint16_t>(extra, 16);
    put<std::uint64_t>(extra, entry.size);
    put<std::uint64_t>(extra, entry.size);
  }
  // Padding is an extra field with the id that PyTorch uses.
  const std::uint64_t begin = entry.header + 30 + name.size() + extra.size() + 4;
  const auto padding = static_cast<std::uint16_t>((alignment - begin % alignment) % alignment);
  put<std::uint16_t>(extra, 0x4246);
  put<std::uint16_t>(extra, padding);
  extra.append(padding, 'Z');
  std::string header = "PK\x03\x04";
  put<std::uint16_t>(header, version);
  put<std::uint16_t>(header, utf8);
  put<std::uint16_t>(header, 0);
  put<std::uint16_t>(header, 0);
  put<std::uint16_t>(header, epoch_date);
  put<std::uint32_t>(header, entry.crc);
  for (int i = 0; i < 2; ++i) put<std::uint32_t>(header, wide ? 0xFFFFFFFFU : static_cast<std::uint32_t>(entry.size));
  put<std::uint16_t>(header, static_cast<std::uint16_t>(name.size()));
  put<std::uint16_t>(header, static_cast<std::uint16_t>(extra.size()));
  file_.write(header + name + extra);
  file_.write(bytes);
  written_.push_back(entry);
}

void Writer::commit() {
  const std::uint64_t begin = file_.position();
  for (const auto& entry : written_) {
    const bool wide_size = entry.size >= wide_from_, wide_offset = entry.header >= wide_from_;
    std::string extra;
    if (wide_size || wide_offset) {
      put<std::uint16_t>(extra, 1);
      put<std::uint16_t>(extra, static_cast<std::uint16_t>((wide_size ? 16 : 0) + (wide_offset ? 8 : 0)));
      if (wide_size) put<std::uint64_t>(extra, entry.size);
      if (wide_size) put<std::uint64_t>(extra, entry.size);
      if (wide_offset) put<std::uint64_t>(extra, entry.header);
    }
    std::string record = "PK\x01\x02";
    put<std::uint16_t>(record, version);
    put<std::uint16_t>(record, version);
    put<std::uint16_t>(record, utf8);
    put<std::uint16_t>(record, 0);
    put<std::uint16_t>(record, 0);
    put<std::uint16_t>(record, epoch_date);
    put<std::uint32_t>(record, entry.crc);
    for (int i = 0; i < 2; ++i) put<std::uint32_t>(record, wide_size ? 0xFFFFFFFFU : static_cast<std::uint32_t>(entry.size));
    put<std::uint16_t>(record, static_cast<std::uint16_t>(entry.name.size()));
    put<std::uint16_t>(record, static_cast<std::uint16_t>(extra.size()));
    record.append(10, '\0');  // comment, disk, attributes
    put<std::uint32_t>(record, wide_offset ? 0xFFFFFFFFU : static_cast<std::uint32_t>(entry.header));
    file_.write(record + entry.name + extra);
  }
  const std::uint64_t big_record = file_.position(), size = big_record - begin, count = written_.size();
  std::string end;
  const bool wide = begin >= wide_from_ || size >= wide_from_ || count >= std::min<std::uint64_t>(wide_from_, 0xFFFF);
  if (wide) {
    end = "PK\x06\x06";
    put<std::uint64_t>(end, 44);  // bytes of this record that follow
    put<std::uint16_t>(end, version);
    put<std::uint16_t>(end, version);
    put<std::uint64_t>(end, 0);  // disk numbers
    for (int i = 0; i < 2; ++i) put<std::uint64_t>(end, count);
    put<std::uint64_t>(end, size);
    put<std::uint64_t>(end, begin);
    end.append("PK\x06\x07", 4);
    put<std::uint32_t>(end, 0);
    put<std::uint64_t>(end, big_record);
    put<std::uint32_t>(end, 1);
  }
  end.append("PK\x05\x06", 4);
  put<std::uint32_t>(end, 0);
  for (int i = 0; i < 2; ++i) put<std::uint16_t>(end, wide ? std::uint16_t{0xFFFF} : static_cast<std::uint16_t>(count));
  put<std::uint32_t>(end, wide ? 0xFFFFFFFFU : static_cast<std::uint32_t>(size));
  put<std::uint32_t>(end, wide ? 0xFFFFFFFFU : static_cast<std::uint32_t>(begin));
  put<std::uint16_t>(end, 0);
  file_.write(end);
  file_.commit();
}

}  // namespace sam3lab::zip
