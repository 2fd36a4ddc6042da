#include "text/random_id.h"

#include <random>

namespace bulkhead::text {

std::string random_id(std::string_view prefix) {
  constexpr std::string_view kLetters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  constexpr int kLength = 12;
  // The kernel's generator, in libstdc++.
  std::random_device device;
  std::uniform_int_distribution<std::size_t> letter(0, kLetters.size() - 1);
  std::string id(prefix);
  for (int i = 0; i < kLength; ++i) id += kLetters[letter(device)];
  return id;
}

}  // namespace bulkhead::text
