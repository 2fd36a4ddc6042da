// Bytes from the ring: whatever they are, the decoder answers with a record or an error.
#include <cstddef>
#include <cstdint>
#include <span>

#include "agent/decode/decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)bulkhead::decode::decode({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
