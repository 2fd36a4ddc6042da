// Events of the tests that are written in rule files, in the names of proto/bulkhead/v1/event.proto. Private to this
// folder.
#pragma once

#include "bulkhead/v1/event.pb.h"
#include "collector/detect/yaml_reader.h"

namespace bulkhead::detect {

// An event as `event:` states it, over the defaults that docs/rules.md gives. `number` becomes its sequence. Nothing
// when there were errors; they are with the reader.
std::optional<v1::Event> read_event(YamlReader& reader, const YAML::Node& node, std::uint64_t number);

}  // namespace bulkhead::detect
