#include "agent/inventory/image_header.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

namespace bulkhead::inventory {
namespace {

std::string big(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

void put(std::string& image, std::size_t offset, const std::string& bytes) {
  if (image.size() < offset + bytes.size()) image.resize(offset + bytes.size());
  image.replace(offset, bytes.size(), bytes);
}

std::string extension(std::uint32_t type, const std::string& data) {
  std::string text = big(type, 4) + big(data.size(), 4) + data;
  text.resize((text.size() + 7) / 8 * 8);
  return text;
}

// Of version 3, with extensions, as QEMU lays it out.
std::string qcow2(const std::string& backing, const std::string& extensions = "") {
  std::string image = "QFI\xfb" + big(3, 4);
  put(image, 20, big(16, 4));
  put(image, 100, big(104, 4));
  put(image, 104, extensions + std::string(8, '\0'));
  if (!backing.empty()) {
    put(image, 8, big(image.size(), 8));
    put(image, 16, big(backing.size(), 4));
    image += backing;
  }
  image.resize(std::max<std::size_t>(image.size(), 65536));
  return image;
}

ImageHeader read(const std::string& image, const std::string& format = "", std::size_t* most = nullptr) {
  std::size_t sum = 0;
  const auto header = read_image_header(
      [&](std::uint64_t offset, std::size_t length) {
        sum += length;
        return offset >= image.size() ? std::string() : image.substr(offset, length);
      },
      format);
  if (most != nullptr) *most = sum;
  return header;
}

constexpr std::uint32_t kFormat = 0xe2792aca, kDataFile = 0x44415441;
using References = std::vector<ImageReference>;

TEST_CASE("a qcow2's backing file, its format and its data file are read", "[DISK-06]") {
  const auto header = read(qcow2("/srv/base.raw", extension(kFormat, "raw") + extension(kDataFile, "/dev/sda")));
  CHECK(header.format == "qcow2");
  CHECK(header.problem.empty());
  CHECK(header.references ==
        References{{"/dev/sda", "raw", ImageRole::kDataFile}, {"/srv/base.raw", "raw", ImageRole::kBackingFile}});
}

TEST_CASE("an image that names nothing has no references", "[DISK-06][twin]") {
  CHECK(read(qcow2("")) == ImageHeader{.format = "qcow2", .references = {}, .problem = ""});
  CHECK(read("") == ImageHeader{.format = "raw", .references = {}, .problem = ""});
  CHECK(read(std::string(70'000, 'x')).format == "raw");
}

TEST_CASE("a raw image whose first sector looks like qcow2 is the guest's own bytes", "[DISK-06][twin]") {
  std::size_t bytes = 1;
  const auto header = read(qcow2("/etc/shadow"), "raw", &bytes);
  CHECK(header.references.empty());
  CHECK(bytes == 0);
}

TEST_CASE("what does not look like the format it is said to be is not read on") {
  const auto header = read(std::string(65536, 'x'), "qcow2");
  CHECK(header.references.empty());
  CHECK(header.problem == "it is said to be qcow2 and does not look so");
}

TEST_CASE("lengths and offsets beyond the header are refused, whatever they are") {
  std::string image = qcow2("/srv/base");
  put(image, 16, big(0xffffffff, 4));
  CHECK(read(image).references.empty());
  CHECK_FALSE(read(image).problem.empty());
  image = qcow2("/srv/base");
  put(image, 8, big(0xfffffffffffffff0, 8));
  CHECK(read(image).references.empty());
  image = qcow2("", big(kDataFile, 4) + big(0x7fffffff, 4) + "/etc/shadow");
  CHECK(read(image).references.empty());
  CHECK_FALSE(read(image).problem.empty());
  image = qcow2("");
  put(image, 4, big(9, 4));
  CHECK(read(image).problem == "version 9 of qcow2 is not known");
}

TEST_CASE("a header of endless extensions costs little") {
  std::string extensions;
  for (int i = 0; i < 3000; ++i) extensions += extension(kFormat, std::string(8, 'x'));
  std::size_t bytes = 0;
  read(qcow2("", extensions), "", &bytes);
  CHECK(bytes < 70'000);
}

TEST_CASE("a name ends at its first zero, as QEMU reads it") {
  CHECK(read(qcow2(std::string("/etc/shadow\0.qcow2", 18))).references.at(0).name == "/etc/shadow");
}

TEST_CASE("a QED image's backing file is read") {
  std::string image("QED\0", 4);
  put(image, 16, std::string("\5", 1));
  put(image, 56, std::string("\x40\0\0\0\x09\0\0\0", 8));
  put(image, 64, "/srv/base");
  CHECK(read(image).references == References{{"/srv/base", "raw", ImageRole::kBackingFile}});
}

TEST_CASE("a VMDK's parent and extents are read from a descriptor in a file and in an image", "[DISK-06]") {
  const std::string text =
      "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\nparentFileNameHint=\"/srv/parent.vmdk\"\n"
      "RW 4192256 FLAT \"/etc/shadow\" 0\nRDONLY 63 SPARSE \"b.vmdk\"\n";
  const References expected = {{"/srv/parent.vmdk", "vmdk", ImageRole::kBackingFile},
                               {"/etc/shadow", "raw", ImageRole::kExtent},
                               {"b.vmdk", "raw", ImageRole::kExtent}};
  CHECK(read(text).format == "vmdk");
  CHECK(read(text).references == expected);
  std::string image = "KDMV";
  put(image, 28, std::string("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16));
  put(image, 512, text);
  CHECK(read(image).references == expected);
}

TEST_CASE("of a VMDK with endless extents the first are taken, and it is said so") {
  std::string text = "version=1\n";
  for (int i = 0; i < 1000; ++i) text += "RW 1 FLAT \"/d" + std::to_string(i) + "\" 0\n";
  const auto header = read(text);
  CHECK(header.references.size() == kMaxReferences);
  CHECK_FALSE(header.problem.empty());
}

}  // namespace
}  // namespace bulkhead::inventory
