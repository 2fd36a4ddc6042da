#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "collector/ctl/commands.h"
#include "collector/ctl/text.h"

namespace bulkhead::ctl {

namespace {

std::string state(const v1::SinkSummary& sink) {
  if (!sink.status().problem().empty()) return sink.status().problem();
  if (!sink.configured()) return "not configured any more";
  return sink.connected() ? "connected" : "nothing was sent yet";
}

std::string action(const v1::DeadLetterChange& change) {
  return change.action() == v1::DEAD_LETTER_ACTION_DROP ? "dropped" : "sent again";
}

std::string activity(const v1::DeadLetter& letter) {
  constexpr std::size_t kPrefix = sizeof("ALERT_ACTIVITY_") - 1;
  return absl::AsciiStrToLower(v1::AlertActivity_Name(letter.activity()).substr(kPrefix));
}

// "all", "of alert UID" or the numbers.
std::string which(const v1::DeadLetterChange& change) {
  if (!change.alert_uid().empty()) return absl::StrCat("of alert ", change.alert_uid());
  return change.numbers().empty() ? "all" : absl::StrJoin(change.numbers(), " ");
}

std::string row_of(const v1::DeadLetter& letter) {
  return row({{absl::StrCat(letter.number()), 8},
              {format_time(letter.time()), 19},
              {letter.alert_uid(), 32},
              {activity(letter), 6},
              {letter.rule_id(), 8}}) +
         "    " + printable(letter.reason()) + '\n';
}

}  // namespace

absl::Status list_sinks(const Arguments& arguments, Client& client, const Output& output) {
  Table table({{.title = "SINK", .least = 8},
               {.title = "WAITING", .align = Align::kRight},
               {.title = "OLDEST", .align = Align::kRight},
               {.title = "DELIVERED", .align = Align::kRight},
               {.title = "RETRIES", .align = Align::kRight},
               {.title = "DEAD LETTERS", .align = Align::kRight},
               {.title = "STATE", .least = 24},
               {.title = "TO", .least = 12}});
  const auto status = client.sinks([&](const v1::SinkSummary& sink) {
    if (arguments.format == Format::kJson) {
      output.out << to_json(sink) << '\n';
      return output.out.good();
    }
    const v1::SinkStatus& known = sink.status();
    const auto oldest = absl::Seconds(static_cast<std::int64_t>(known.oldest_waiting_seconds()));
    table.add({known.name(), absl::StrCat(known.waiting()), known.waiting() == 0 ? "-" : format_span(oldest),
               absl::StrCat(known.delivered()), absl::StrCat(known.retries()), absl::StrCat(sink.dead_letters_kept()),
               state(sink), sink.description()});
    return true;
  });
  if (!status.ok() || arguments.format == Format::kJson) return status;
  output.out << (table.empty() ? "no sinks: alerts are in the store alone\n" : table.text(output.page));
  return status;
}

absl::Status list_dead_letters(const Arguments& arguments, Client& client, const Output& output) {
  v1::ListDeadLettersRequest request;
  request.set_sink(arguments.target);
  request.set_limit(arguments.limit);
  request.set_alert_uid(arguments.alert_uid);
  bool any = false;
  const auto status = client.dead_letters(request, [&](const v1::DeadLetter& letter) {
    if (arguments.format == Format::kJson) {
      output.out << to_json(letter) << '\n';
    } else {
      if (!any) output.out << row({{"NUMBER", 8}, {"TIME", 19}, {"ALERT", 32}, {"WHAT", 6}, {"RULE", 8}});
      output.out << row_of(letter);
    }
    any = true;
    return output.out.good();
  });
  if (!status.ok() || any || arguments.format == Format::kJson) return status;
  output.out << "no dead letters\n";
  return status;
}

absl::Status change_dead_letters(const Arguments& arguments, Client& client, const Output& output) {
  v1::DeadLettersRequest request;
  request.set_sink(arguments.target);
  for (const std::uint64_t number : arguments.letters) request.add_numbers(number);
  request.set_alert_uid(arguments.alert_uid);
  request.set_all(arguments.all);
  request.set_by(arguments.by);
  request.set_why(arguments.why);
  const bool drop = arguments.action == Action::kDropDeadLetters;
  const auto change = drop ? client.drop_dead_letters(request) : client.resend_dead_letters(request);
  if (!change.ok()) return change.status();
  if (arguments.format == Format::kJson) {
    output.out << to_json(*change) << '\n';
    return absl::OkStatus();
  }
  output.out << change->letters() << (change->letters() == 1 ? " dead letter of " : " dead letters of ")
             << printable(change->sink()) << (drop ? " dropped\n" : " wait to be sent again; see bulkheadctl sinks\n");
  return absl::OkStatus();
}

absl::Status list_dead_letter_changes(const Arguments& arguments, Client& client, const Output& output) {
  Table table({{.title = "TIME"},
               {.title = "SINK", .least = 8},
               {.title = "LETTERS", .align = Align::kRight},
               {.title = "WHAT"},
               {.title = "WHICH", .least = 16},
               {.title = "BY", .least = 8},
               {.title = "WHY", .least = 16}});
  const auto status =
      client.dead_letter_changes(v1::ListDeadLetterChangesRequest(), [&](const v1::DeadLetterChange& change) {
        if (arguments.format == Format::kJson) {
          output.out << to_json(change) << '\n';
        } else {
          table.add({format_time(change.time()), change.sink(), absl::StrCat(change.letters()), action(change),
                     which(change), change.by(), change.why()});
        }
        return output.out.good();
      });
  if (!status.ok() || arguments.format == Format::kJson) return status;
  output.out << (table.empty() ? "nobody sent a dead letter again or dropped one\n" : table.text(output.page));
  return status;
}

}  // namespace bulkhead::ctl
