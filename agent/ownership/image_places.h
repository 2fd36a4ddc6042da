// Where a file must lie so that an image's header may name it although no definition does: beside a volume that the
// tenant's definitions name, or where the platform keeps images. All else is the host's.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/inventory/model.h"

namespace bulkhead::ownership {

// Belongs to one thread. Looks up directories, each once.
class ImagePlaces {
 public:
  // `base_images`: of the policy. A path that ends in "/" is a directory with every file right in it.
  void set_base_images(const std::vector<std::string>& base_images);
  // Those that are files, as policy names them.
  const std::set<std::string>& base_images() const { return base_images_; }

  // The tenants' definitions, anew.
  void set_definitions(const std::vector<inventory::Domain>& domains);

  // Policy declares it, by its real path.
  bool is_base_image(const inventory::ChainImage& image) const;
  bool is_base_image(const std::string& source);
  bool is_in_place(const inventory::ChainImage& image, const std::string& tenant) const;

 private:
  const std::string& real_directory(const std::string& directory);

  std::set<std::string> base_images_;
  std::set<std::string> base_directories_;                           // real
  std::map<std::string, std::set<std::string>> tenant_directories_;  // real, by tenant
  std::map<std::string, std::string> real_directories_;              // as named
};

}  // namespace bulkhead::ownership
