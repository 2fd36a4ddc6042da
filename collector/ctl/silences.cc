#include "absl/strings/str_cat.h"
#include "collector/ctl/commands.h"
#include "collector/ctl/text.h"

namespace bulkhead::ctl {
namespace {

std::string what(const v1::Silence& silence) {
  std::string text;
  const auto add = [&](const char* field, const std::string& value) {
    if (!value.empty()) absl::StrAppend(&text, text.empty() ? "" : ", ", field, " ", value);
  };
  add("rule", silence.rule());
  add("host", silence.host());
  add("tenant", silence.tenant());
  add("alert", silence.alert_uid());
  return text;
}

void print(const v1::Silence& silence, const Arguments& arguments, const Output& output) {
  if (arguments.format == Format::kJson) {
    output.out << to_json(silence) << '\n';
    return;
  }
  output.out << printable(silence.id()) << ": " << printable(what(silence)) << ", until "
             << format_time(silence.until()) << '\n';
}

}  // namespace

absl::Status list_silences(const Arguments& arguments, Client& client, const Output& output) {
  v1::ListSilencesRequest request;
  request.set_all(arguments.all);
  Table table({{.title = "ID"},
               {.title = "UNTIL"},
               {.title = "WHAT", .least = 16},
               {.title = "BY", .least = 8},
               {.title = "WHY", .least = 16}});
  const auto status = client.silences(request, [&](const v1::Silence& silence) {
    if (arguments.format == Format::kJson) {
      output.out << to_json(silence) << '\n';
    } else {
      table.add({silence.id(), format_time(silence.until()), what(silence), silence.by(), silence.why()});
    }
    return output.out.good();
  });
  if (!status.ok() || arguments.format == Format::kJson) return status;
  output.out << (table.empty() ? "no silences\n" : table.text(output.page));
  return status;
}

absl::Status create_silence(const Arguments& arguments, Client& client, const Output& output) {
  v1::CreateSilenceRequest request;
  *request.mutable_silence() = arguments.silence;
  const auto silence = client.create_silence(request);
  if (!silence.ok()) return silence.status();
  print(*silence, arguments, output);
  return absl::OkStatus();
}

absl::Status end_silence(const Arguments& arguments, Client& client, const Output& output) {
  v1::EndSilenceRequest request;
  request.set_id(arguments.target);
  request.set_by(arguments.by);
  request.set_why(arguments.why);
  const auto silence = client.end_silence(request);
  if (!silence.ok()) return silence.status();
  print(*silence, arguments, output);
  return absl::OkStatus();
}

}  // namespace bulkhead::ctl
