// Puts the bytes of a datagram together. Numbers are big-endian, as on the wire.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::scanner {

// A value that owns its bytes; each call appends.
class ByteWriter {
 public:
  ByteWriter& U8(std::uint8_t value) { return Number(value, 1); }
  ByteWriter& U16(std::uint16_t value) { return Number(value, 2); }
  ByteWriter& U32(std::uint32_t value) { return Number(value, 4); }
  ByteWriter& U64(std::uint64_t value) { return Number(value, 8); }
  ByteWriter& Bytes(std::initializer_list<std::uint8_t> bytes) {
    bytes_.insert(bytes_.end(), bytes);
    return *this;
  }
  ByteWriter& Bytes(std::span<const std::uint8_t> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  ByteWriter& Text(std::string_view text) {
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    return *this;
  }
  ByteWriter& Zeros(std::size_t count) {
    bytes_.resize(bytes_.size() + count);
    return *this;
  }
  // Zeros until there are `size` bytes in all.
  ByteWriter& PadTo(std::size_t size) {
    if (size > bytes_.size()) bytes_.resize(size);
    return *this;
  }

  std::vector<std::uint8_t> Take() { return std::move(bytes_); }

 private:
  ByteWriter& Number(std::uint64_t value, int count) {
    for (int shift = 8 * (count - 1); shift >= 0; shift -= 8) {
      bytes_.push_back(static_cast<std::uint8_t>(value >> shift));
    }
    return *this;
  }

  std::vector<std::uint8_t> bytes_;
};

}  // namespace postern::scanner
