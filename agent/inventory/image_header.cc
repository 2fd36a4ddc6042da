#include "agent/inventory/image_header.h"

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/str_cat.h"
#include "agent/inventory/vmdk_descriptor.h"

namespace bulkhead::inventory {
namespace {

constexpr std::string_view kQcowMagic = "QFI\xfb";
constexpr std::string_view kQedMagic{"QED\0", 4};
constexpr std::string_view kVmdkMagic = "KDMV";
constexpr std::size_t kSectorBytes = 512;
// QEMU's own: a longer name makes it refuse the image.
constexpr std::uint32_t kMaxNameBytes = 1023;
// Of the extensions that are looked at; QEMU writes six.
constexpr int kMaxExtensions = 64;

std::uint64_t number(std::string_view bytes, std::size_t offset, std::size_t size, bool big_endian) {
  if (offset > bytes.size() || size > bytes.size() - offset) return 0;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[offset + (big_endian ? i : size - 1 - i)]);
    value = value << 8 | byte;
  }
  return value;
}

std::uint64_t big64(std::string_view bytes, std::size_t offset) {
  return number(bytes, offset, 8, true);
}
std::uint32_t big32(std::string_view bytes, std::size_t offset) {
  return static_cast<std::uint32_t>(number(bytes, offset, 4, true));
}
std::uint64_t little64(std::string_view bytes, std::size_t offset) {
  return number(bytes, offset, 8, false);
}
std::uint32_t little32(std::string_view bytes, std::size_t offset) {
  return static_cast<std::uint32_t>(number(bytes, offset, 4, false));
}

// As a C string: QEMU reads it so.
std::string until_zero(std::string text) {
  text.resize(std::min(text.size(), text.find('\0')));
  return text;
}

std::string probe(std::string_view start) {
  if (start.starts_with(kQcowMagic)) return big32(start, 4) == 1 ? "qcow" : "qcow2";
  if (start.starts_with(kQedMagic)) return "qed";
  if (start.starts_with(kVmdkMagic) || is_vmdk_descriptor(start)) return "vmdk";
  return "raw";
}

class QcowReader {
 public:
  QcowReader(const ReadImage& read, std::string_view start, ImageHeader& header)
      : read_(read), start_(start), header_(header) {}

  void read_header() {
    const std::uint32_t version = big32(start_, 4);
    backing_offset_ = big64(start_, 8);
    const std::uint32_t name_bytes = big32(start_, 16);
    if (version < 1 || version > 3) {
      header_.problem = absl::StrCat("version ", version, " of qcow2 is not known");
      return;
    }
    if (version > 1) read_extensions(version);
    if (backing_offset_ == 0) return;
    if (name_bytes > kMaxNameBytes) {
      header_.problem = absl::StrCat("its backing file's name is ", name_bytes, " bytes long");
      return;
    }
    std::string name = until_zero(read_(backing_offset_, name_bytes));
    if (name.empty()) return;
    header_.references.push_back({.name = std::move(name), .format = backing_format_, .role = ImageRole::kBackingFile});
  }

 private:
  static constexpr std::uint32_t kBackingFormat = 0xe2792aca;
  static constexpr std::uint32_t kDataFile = 0x44415441;

  void read_extensions(std::uint32_t version) {
    // Version 3 states its header's length.
    std::uint64_t offset = version == 2 ? 72 : std::max<std::uint64_t>(big32(start_, 100), 72);
    const std::uint32_t cluster_bits = std::min(big32(start_, 20), 21u);
    const std::uint64_t end = backing_offset_ != 0 ? backing_offset_ : std::uint64_t{1} << cluster_bits;
    for (int i = 0; i < kMaxExtensions && offset < end; ++i) {
      const std::string head = read_(offset, 8);
      const std::uint32_t type = big32(head, 0), length = big32(head, 4);
      if (head.size() < 8 || type == 0) return;
      offset += 8;
      if (length > end - std::min(end, offset)) {
        header_.problem = "an extension of its header is longer than the header";
        return;
      }
      take_extension(type, offset, length);
      offset += (std::uint64_t{length} + 7) & ~std::uint64_t{7};
    }
  }

  void take_extension(std::uint32_t type, std::uint64_t offset, std::uint32_t length) {
    if (type != kBackingFormat && type != kDataFile) return;
    std::string text = until_zero(read_(offset, std::min(length, kMaxNameBytes)));
    if (type == kBackingFormat) {
      backing_format_ = std::move(text);
    } else if (!text.empty()) {
      // Also without the bit that makes QEMU use it: who sets that later has no other file in mind.
      header_.references.push_back({.name = std::move(text), .format = "raw", .role = ImageRole::kDataFile});
    }
  }

  const ReadImage& read_;
  const std::string_view start_;
  ImageHeader& header_;
  std::uint64_t backing_offset_ = 0;
  std::string backing_format_;
};

void read_qed(const ReadImage& read, std::string_view start, ImageHeader& header) {
  constexpr std::uint64_t kHasBackingFile = 1, kBackingIsRaw = 4;
  const std::uint64_t features = little64(start, 16);
  if ((features & kHasBackingFile) == 0) return;
  const std::uint32_t name_bytes = little32(start, 60);
  if (name_bytes > kMaxNameBytes) {
    header.problem = absl::StrCat("its backing file's name is ", name_bytes, " bytes long");
    return;
  }
  std::string name = until_zero(read(little32(start, 56), name_bytes));
  if (name.empty()) return;
  header.references.push_back({.name = std::move(name),
                               .format = (features & kBackingIsRaw) != 0 ? "raw" : "",
                               .role = ImageRole::kBackingFile});
}

void read_vmdk(const ReadImage& read, std::string_view start, ImageHeader& header) {
  if (!start.starts_with(kVmdkMagic)) {
    read_vmdk_descriptor(read(0, kMaxVmdkDescriptorBytes), header);
    return;
  }
  const std::uint64_t sector = little64(start, 28);
  const std::uint64_t sectors = std::min<std::uint64_t>(little64(start, 36), kMaxVmdkDescriptorBytes / kSectorBytes);
  // One of its extents alone, which names nothing.
  if (sector == 0 || sector > UINT64_MAX / kSectorBytes) return;
  read_vmdk_descriptor(read(sector * kSectorBytes, sectors * kSectorBytes), header);
}

}  // namespace

std::string_view name_of(ImageRole role) {
  switch (role) {
    case ImageRole::kBackingFile:
      return "backing file";
    case ImageRole::kDataFile:
      return "data file";
    case ImageRole::kExtent:
      return "extent";
  }
  return "";
}

bool can_name_others(std::string_view format) {
  constexpr std::array<std::string_view, 5> kFormats = {"", "qcow2", "qcow", "qed", "vmdk"};
  return std::ranges::find(kFormats, format) != kFormats.end();
}

ImageHeader read_image_header(const ReadImage& read, std::string_view format) {
  ImageHeader header;
  header.format = std::string(format);
  if (!can_name_others(format)) return header;
  const std::string start = read(0, kSectorBytes);
  const std::string found = probe(start);
  if (format.empty()) header.format = found;
  if (header.format != found) {
    header.problem = absl::StrCat("it is said to be ", header.format, " and does not look so");
    return header;
  }
  if (found == "qcow2" || found == "qcow") QcowReader(read, start, header).read_header();
  if (found == "qed") read_qed(read, start, header);
  if (found == "vmdk") read_vmdk(read, start, header);
  return header;
}

}  // namespace bulkhead::inventory
