#include "agent/ownership/image_places.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

namespace bulkhead::ownership {

namespace {

// Where libvirt, and Nova for what it caches, put images by themselves.
constexpr std::array<const char*, 2> kPlatformDirectories = {"/var/lib/libvirt/images",
                                                             "/var/lib/nova/instances/_base"};

std::string directory_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

// Of one that is not there, as its name says.
std::string path_of(const inventory::ChainImage& image) {
  if (!image.real_path.empty()) return image.real_path;
  return std::filesystem::path(image.path).lexically_normal();
}

}  // namespace

const std::string& ImagePlaces::real_directory(const std::string& directory) {
  const auto known = real_directories_.find(directory);
  if (known != real_directories_.end()) return known->second;
  std::error_code error;
  std::string real = std::filesystem::canonical(directory, error);
  return real_directories_.emplace(directory, error ? directory : std::move(real)).first->second;
}

void ImagePlaces::set_base_images(const std::vector<std::string>& base_images) {
  base_images_.clear();
  base_directories_.clear();
  for (const std::string& path : base_images) {
    if (path.ends_with('/')) {
      base_directories_.insert(real_directory(directory_of(path)));
    } else {
      base_images_.insert(path);
    }
  }
}

void ImagePlaces::set_definitions(const std::vector<inventory::Domain>& domains) {
  tenant_directories_.clear();
  for (const inventory::Domain& domain : domains) {
    for (const inventory::Volume& volume : domain.volumes) {
      // Firmware's directory is the distribution's, that of saved memory is libvirt's.
      if (!volume.source.starts_with('/') || volume.type == "nvram" || volume.type == "saved") continue;
      tenant_directories_[domain.tenant].insert(real_directory(directory_of(volume.source)));
    }
  }
}

bool ImagePlaces::is_base_image(const inventory::ChainImage& image) const {
  const std::string path = path_of(image);
  return base_images_.contains(path) || base_images_.contains(image.path) ||
         base_directories_.contains(directory_of(path));
}

bool ImagePlaces::is_base_image(const std::string& source) {
  return base_images_.contains(source) ||
         (!base_directories_.empty() && base_directories_.contains(real_directory(directory_of(source))));
}

bool ImagePlaces::is_in_place(const inventory::ChainImage& image, const std::string& tenant) const {
  const std::string directory = directory_of(path_of(image));
  const auto own = tenant_directories_.find(tenant);
  return (own != tenant_directories_.end() && own->second.contains(directory)) ||
         std::ranges::find(kPlatformDirectories, directory) != kPlatformDirectories.end();
}

}  // namespace bulkhead::ownership
