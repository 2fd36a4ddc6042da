// What libvirt is told about a domain.
#pragma once

#include <string>

#include "tests/support/stage/domain.h"

namespace bulkhead::stage {

std::string disk_xml(const Disk& disk);
// `console` is the path of the unix socket that carries the guest's serial line.
std::string domain_xml(const DomainPlan& plan, const GuestImage& image, const std::string& console, bool use_kvm);

}  // namespace bulkhead::stage
