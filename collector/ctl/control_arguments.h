// What the commands that change something take. Private to this folder.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "collector/ctl/arguments.h"
#include "collector/ctl/flags.h"

namespace bulkhead::ctl {

struct Caller {
  absl::Time now;
  std::string user;
};

// By arguments.action; `verb` is "ack", "create", …. What a command needs and is not given is an error that names it.
absl::Status fill_control(const Flags& flags, const std::string& verb, const Caller& caller, Arguments& arguments);

}  // namespace bulkhead::ctl
