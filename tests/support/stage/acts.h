// What is played: breaches, committed for real, and their legal twins.
#pragma once

#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "tests/support/stage/alert_stream.h"
#include "tests/support/stage/cast.h"

namespace bulkhead::stage {

struct Act {
  // Such as "host-reads-guest-memory".
  const char* name;
  // One line for a person.
  const char* title;
  // Rule id of the breach catalogue; null for a twin, which no rule may flag.
  const char* rule;
  const char* actor_tenant;
  const char* object_tenant;
  // Part of the object's name in the alert; empty: any.
  const char* object;
  // Guests take orders before it.
  bool needs_guests;
  // Commits it. The process that acted, or 0 when no process stands for the actor.
  absl::StatusOr<pid_t> (*commit)(Cast& cast);

  bool is_breach() const { return rule != nullptr; }
  // Whether this alert tells of this act, committed by `actor`. Frames are told of in both directions.
  bool flagged_by(const Alert& alert, pid_t actor) const;
  // Or of what several acts add up to, this one among them, or of the definition that led to it.
  bool explains(const Alert& alert, pid_t actor) const;
};

// In the order of the play. The last is a breach: once it is flagged, what the acts before it caused has come through.
std::span<const Act> acts();

// The act of that name.
const Act& act(const std::string& name);

}  // namespace bulkhead::stage
