#include "collector/sinks/delivery.h"

#include <fmt/format.h>

#include "collector/alerts/sha256.h"

namespace bulkhead::sinks {

std::string_view activity_name(Activity activity) {
  switch (activity) {
    case Activity::kCreate:
      return "create";
    case Activity::kUpdate:
      return "update";
    case Activity::kClose:
      return "close";
  }
  return "";
}

std::string delivery_id(const v1::Alert& alert, Activity activity) {
  std::string text;
  alerts::append_field(text, alert.uid());
  alerts::append_field(text, fmt::format("{}", static_cast<int>(activity)));
  alerts::append_field(text, fmt::format("{}", alert.event_count()));
  alerts::append_field(text, fmt::format("{}", static_cast<int>(alert.rule().severity())));
  alerts::append_field(text, fmt::format("{}", static_cast<int>(alert.state())));
  if (!alert.history().empty()) {
    const auto& time = alert.history(alert.history_size() - 1).time();
    alerts::append_field(text, fmt::format("{}.{:09}", time.seconds(), time.nanos()));
  }
  const alerts::Sha256 digest = alerts::sha256(text);
  std::string id;
  for (std::size_t i = 0; i < 16; ++i) id += fmt::format("{:02x}", digest[i]);
  return id;
}

}  // namespace bulkhead::sinks
