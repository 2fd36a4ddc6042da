// What records of every kind are made of, out of the kernel's bytes. Only for this folder.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "agent/decode/records.h"
#include "ebpf/records/record.h"

namespace bulkhead::decode {

// The fixed part, copied out so that alignment does not matter; false when the record is shorter.
template <typename Raw>
bool read_fixed(std::span<const std::byte> bytes, Raw& raw) {
  if (bytes.size() < sizeof(Raw)) return false;
  std::memcpy(&raw, bytes.data(), sizeof(Raw));
  return true;
}

Header header_from(const bh_header& raw);

FileKey file_key_from(const bh_file_key& raw);

// Up to its NUL, if it has one.
std::string bounded_text(const char* text, std::size_t capacity);

// Components, deepest first, each ended by NUL, into "/a/b/c".
std::string path_from(std::span<const std::byte> tail, bool cut);

// InvalidArgument. `kind` is the record's, in words.
absl::Status too_short(const char* kind, std::size_t size);

}  // namespace bulkhead::decode
