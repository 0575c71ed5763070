// Reads the bytes of a packet, whoever sent it, never past their end. Numbers are big-endian, as on
// the wire.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace postern::scanner {

// A value: cheap to copy, refers to bytes that it does not own. Once a read wanted more than was
// left, ok() is false for good, and that read and all later ones give zeros and empty spans; so a
// parser reads what it expects and asks once.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  std::size_t left() const { return rest_.size(); }
  std::span<const std::uint8_t> rest() const { return rest_; }

  std::uint8_t U8() { return static_cast<std::uint8_t>(Number(1)); }
  std::uint16_t U16() { return static_cast<std::uint16_t>(Number(2)); }
  std::uint32_t U32() { return static_cast<std::uint32_t>(Number(4)); }
  std::uint64_t U64() { return Number(8); }
  std::span<const std::uint8_t> Bytes(std::size_t count) {
    if (count > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const auto bytes = rest_.first(count);
    rest_ = rest_.subspan(count);
    return bytes;
  }
  void Skip(std::size_t count) { Bytes(count); }
  // Drops what lies beyond the next `count` bytes, if there is as much.
  void Truncate(std::size_t count) { rest_ = rest_.first(std::min(count, rest_.size())); }

 private:
  std::uint64_t Number(std::size_t count) {
    std::uint64_t number = 0;
    for (const auto byte : Bytes(count)) number = number << 8 | byte;
    return number;
  }

  std::span<const std::uint8_t> rest_;
  bool ok_ = true;
};

}  // namespace postern::scanner
