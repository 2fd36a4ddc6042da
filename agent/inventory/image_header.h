// What the header of a disk image names: its backing file, a data file outside of it, extents. Read here and not by
// qemu-img, which opens what a header names while it looks (CVE-2024-32498). Pure; what it reads is hostile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::inventory {

enum class ImageRole { kBackingFile, kDataFile, kExtent };

// "backing file", "data file" or "extent".
std::string_view name_of(ImageRole role);

struct ImageReference {
  std::string name;    // as the header has it: any bytes but 0
  std::string format;  // that the header states for it; empty when QEMU would probe
  ImageRole role = ImageRole::kBackingFile;

  bool operator==(const ImageReference&) const = default;
};

struct ImageHeader {
  std::string format;  // "qcow2", "qcow", "qed", "vmdk", or "raw" for what is none of these
  std::vector<ImageReference> references;
  std::string problem;  // why the rest could not be read; QEMU refuses such an image as well

  bool operator==(const ImageHeader&) const = default;
};

// Up to `length` bytes from `offset` on; fewer at the end of the image.
using ReadImage = std::function<std::string(std::uint64_t offset, std::size_t length)>;

inline constexpr std::size_t kMaxReferences = 64;
// libvirt's and the kernel's limit for a path; QEMU's for a name in a header is 1023.
inline constexpr std::size_t kMaxReferenceBytes = 4095;

// True for a format whose header can name other images; a raw image is the guest's own bytes, and is not looked at.
bool can_name_others(std::string_view format);

// `format` is what the definition or the header above says of the image; empty: it is told by its first bytes, as QEMU
// would. At most about 70 KiB are read, whatever the header says.
ImageHeader read_image_header(const ReadImage& read, std::string_view format);

}  // namespace bulkhead::inventory
