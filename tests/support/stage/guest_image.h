// The system that the test guests run, made by scripts/guest-image.
#pragma once

#include <filesystem>

#include "absl/status/statusor.h"

namespace bulkhead::stage {

struct GuestImage {
  std::filesystem::path kernel;
  std::filesystem::path initramfs;
};

// From $BULKHEAD_GUEST_IMAGE, or the directory "guest" of the build this program belongs to, or beside that build
// (build/guest, scripts/guest-image's default). kNotFound says what to run.
absl::StatusOr<GuestImage> find_guest_image();

// Whether a guest really comes up under KVM here: /dev/kvm may be there and refuse to run one. Takes at most 30 s
// the first time (an emulated processor's KVM needs 10); the answer is kept beside the image until the next boot.
bool kvm_works(const GuestImage& image);

}  // namespace bulkhead::stage
