// The header of an image of any bytes, and what its names lead to.
#include <cstdint>
#include <cstdlib>

#include "agent/inventory/image_header.h"
#include "agent/inventory/image_name.h"
#include "google/protobuf/wrappers.pb.h"

using namespace bulkhead;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// What protobuf takes as a string.
void require_printable(const std::string& text) {
  google::protobuf::StringValue value;
  value.set_value(text);
  require(text.size() <= inventory::kMaxReferenceBytes && value.ParseFromString(value.SerializeAsString()));
}

void read(std::string_view image, std::string_view format) {
  std::size_t bytes = 0;
  const auto header = inventory::read_image_header(
      [&](std::uint64_t offset, std::size_t length) {
        bytes += length;
        return offset >= image.size() ? std::string() : std::string(image.substr(offset, length));
      },
      format);
  require(bytes <= 140'000 && header.references.size() <= inventory::kMaxReferences + 1);
  for (const auto& reference : header.references) {
    require(!reference.name.empty() && reference.name.size() <= inventory::kMaxReferenceBytes);
    require(reference.name.find('\0') == std::string::npos);
    require_printable(inventory::printable_name(reference.format));
    const auto places = inventory::places_of(reference.name, "/images");
    require(places.size() <= inventory::kMaxPlaces);
    for (const auto& place : places) {
      require(place.path.empty() != place.identity.empty());
      require(place.path.empty() || place.path.starts_with('/'));
      require_printable(inventory::printable_name(place.path));
      require_printable(place.identity);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view image(reinterpret_cast<const char*>(data), size);
  for (const char* format : {"", "qcow2", "vmdk"}) read(image, format);
  // Names by themselves: a fuzzer is long in finding one within a header.
  for (const auto& place : inventory::places_of(image, "/images")) require_printable(place.identity);
  return 0;
}
