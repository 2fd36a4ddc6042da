#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "collector/ctl/arguments.h"
#include "collector/ctl/commands.h"
#include "collector/ctl/text.h"
#include "collector/ctl/time_spec.h"

namespace bulkhead::test {

namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

std::string error_of(const std::vector<std::string>& words) {
  const auto arguments = ctl::parse_arguments(words, kNow);
  return arguments.ok() ? "none" : std::string(arguments.status().message());
}

}  // namespace

TEST_CASE("times are RFC 3339, a span ago, or epoch seconds") {
  const auto seconds = [](const std::string& text) {
    const auto time = ctl::parse_time(text, kNow);
    return time.ok() ? absl::ToUnixSeconds(*time) : -1;
  };
  CHECK(seconds("2026-11-22T01:00:00Z") == 1'795'309'200);
  CHECK(seconds("2026-11-22T02:00:00+01:00") == 1'795'309'200);
  CHECK(seconds("90s") == 1'800'000'000 - 90);
  CHECK(seconds("15m") == 1'800'000'000 - 900);
  CHECK(seconds("2h") == 1'800'000'000 - 7200);
  CHECK(seconds("7d") == 1'800'000'000 - 604'800);
  CHECK(seconds("1w") == 1'800'000'000 - 604'800);
  CHECK(seconds("1795309200") == 1'795'309'200);
  for (const char* bad : {"", "x", "5x", "-5m", "15 m", "yesterday", "99999999999999999999", "9999999999999d",
                          "infinite-future", "1969-01-01T00:00:00Z", "2026-13-01T00:00:00Z"}) {
    INFO(bad);
    CHECK(seconds(bad) == -1);
  }
}

TEST_CASE("no string of a guest reaches the terminal raw") {
  CHECK(ctl::printable("vm-\x1b[31mred\x1b[0m") == "vm-?[31mred?[0m");
  CHECK(ctl::printable("a\r\nb\tc\x07") == "a? b c?");
  CHECK(ctl::printable("\xc2\x9b"
                       "31m") == "?31m");                            // C1 control sequence introducer
  CHECK(ctl::printable("txt\xe2\x80\xaegpj.exe") == "txt?gpj.exe");  // right-to-left override
  CHECK(ctl::printable("\xff\xfe\xc0\x80 \xed\xa0\x80") == "???? ???");
  CHECK(ctl::printable("\xe2\x82") == "??");
  CHECK(ctl::printable("größe 仮想 🙂") == "größe 仮想 🙂");
}

TEST_CASE("text is cut and wrapped at code points") {
  CHECK(ctl::cut("größe", 5) == "größe");
  CHECK(ctl::cut("größer", 5) == "größ…");
  CHECK(ctl::wrap("one two three", 8) == std::vector<std::string>{"one two", "three"});
  CHECK(ctl::wrap("abcdefghij", 4) == std::vector<std::string>{"abcd", "efgh", "ij"});
  CHECK(ctl::wrap("", 4).empty());
}

TEST_CASE("a table is aligned, fits its page, and never breaks its lines") {
  ctl::Table table({{.title = "NAME", .least = 6}, {.title = "N", .align = ctl::Align::kRight}});
  table.add({"a\nb", "5"});
  table.add({std::string(200, 'x'), "1234"});
  const std::string text = table.text(40);
  CHECK(text.find("NAME") == 0);
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
  std::size_t begin = 0;
  while (begin < text.size()) {
    const auto end = text.find('\n', begin);
    CHECK(ctl::width(text.substr(begin, end - begin)) == 40);
    begin = end + 1;
  }
}

TEST_CASE("wrong arguments are refused by name") {
  CHECK(error_of({}).find("no command") != std::string::npos);
  CHECK(error_of({"host"}).find("unknown command 'host'") != std::string::npos);
  CHECK(error_of({"hosts", "--follow"}).find("hosts does not take --follow") != std::string::npos);
  CHECK(error_of({"events", "--format", "xml"}).find("xml") != std::string::npos);
  CHECK(error_of({"events", "--limit", "0"}).find("--limit") != std::string::npos);
  CHECK(error_of({"events", "--limit", "9999999999999"}).find("--limit") != std::string::npos);
  CHECK(error_of({"events", "--since", "soon"}).find("--since") != std::string::npos);
  CHECK(error_of({"events", "extra"}).find("extra") != std::string::npos);
  CHECK(error_of({"--collector", "10.0.0.1:7400", "hosts"}).find("plaintext") != std::string::npos);
  CHECK(error_of({"--collector", "10.0.0.1:7400", "--allow-plaintext", "hosts"}) == "none");
  CHECK(error_of({"completion", "fish"}).find("completion bash") != std::string::npos);
}

TEST_CASE("the policy command takes its own words and flags, and refuses others by name") {
  const auto policy = [](const std::vector<std::string>& words) {
    const auto arguments = ctl::parse_arguments(words, kNow);
    REQUIRE(arguments.ok());
    REQUIRE(arguments->action == ctl::Action::kPolicy);
    return arguments->policy;
  };
  CHECK(policy({"policy", "check", "p.yaml"}).names == std::vector<std::string>{"p.yaml"});
  CHECK(policy({"policy", "diff", "one", "two"}).verb == ctl::PolicyArguments::Verb::kDiff);
  CHECK(policy({"policy", "show"}).format == ctl::PolicyArguments::Format::kYaml);
  CHECK(policy({"policy", "show", "--version", "7"}).version == "7");
  CHECK(policy({"--collector", "127.0.0.1:1", "policy", "show", "--at", "1h"}).at == kNow - absl::Hours(1));
  CHECK(policy({"policy", "list", "--format=json"}).format == ctl::PolicyArguments::Format::kJson);

  CHECK(error_of({"policy"}).find("check, show, diff, list") != std::string::npos);
  CHECK(error_of({"policy", "shwo"}).find("'shwo'") != std::string::npos);
  CHECK(error_of({"policy", "check"}) == "expected 'policy check FILE'");
  CHECK(error_of({"policy", "check", "a", "b"}) == "expected 'policy check FILE'");
  CHECK(error_of({"policy", "list", "--at", "1h"}).find("only policy show") != std::string::npos);
  CHECK(error_of({"policy", "show", "--at", "1h", "--version", "1"}).find("not both") != std::string::npos);
  CHECK(error_of({"policy", "show", "--format", "table"}).find("yaml or json") != std::string::npos);
  CHECK(error_of({"policy", "show", "--limit", "1"}).find("limit") != std::string::npos);
  CHECK(error_of({"--collector", "10.0.0.1:7400", "policy", "list"}).find("plaintext") != std::string::npos);
  const auto version = ctl::parse_arguments({"--version"}, kNow);
  REQUIRE(version.ok());
  CHECK(version->action == ctl::Action::kVersion);
  CHECK(ctl::help_text().find("policy diff A B") != std::string::npos);
  CHECK(ctl::bash_completion().find("policy) words=\"$common check show diff list") != std::string::npos);
}

TEST_CASE("policy check needs no collector, tells every error on a line of its own, and ends with 1 for them") {
  const auto check = [](const std::string& text) {
    const std::string path = std::filesystem::temp_directory_path() / "bulkhead-ctl-test-policy.yaml";
    std::ofstream(path) << text;
    std::ostringstream out;
    std::ostringstream errors;
    const int status = ctl::run({"--collector", "unix:/nobody", "policy", "check", path}, out, errors, 120);
    CHECK(errors.str().empty());
    std::filesystem::remove(path);
    return std::pair(status, out.str());
  };
  const auto [good, told] = check("version: \"2\"\ntenants: [{id: a}]\n");
  CHECK(good == 0);
  CHECK(told.find(": good: version '2', 1 tenants, 0 trusted services, SHA-256 ") != std::string::npos);
  const auto [bad, faults] = check("version: 2\ntenats: []\npeerings: 7\n");
  CHECK(bad == 1);
  CHECK(std::count(faults.begin(), faults.end(), '\n') == 2);
  CHECK(faults.find("policy.yaml:2:1: unknown key 'tenats'") != std::string::npos);
  CHECK(faults.find("policy.yaml:3:11: peerings must be a list") != std::string::npos);
}

TEST_CASE("filters are taken from the flags") {
  const auto arguments = ctl::parse_arguments({"alerts", "--since", "15m", "--tenant", "t", "--host", "h", "--rule",
                                               "MEM-01", "--follow", "--limit", "7", "--format=json"},
                                              kNow);
  REQUIRE(arguments.ok());
  CHECK(arguments->filter.since().seconds() == 1'800'000'000 - 900);
  CHECK(arguments->filter.tenant() == "t");
  CHECK(arguments->filter.rule() == "MEM-01");
  CHECK(arguments->follow);
  CHECK(arguments->limit == 7);
  CHECK(arguments->format == ctl::Format::kJson);
}

TEST_CASE("the commands about sinks are in the help and in the shell's completion") {
  for (const char* command : {"sinks dead-letters SINK", "sinks resend SINK", "sinks drop SINK", "sinks history"}) {
    CHECK(ctl::help_text().find(command) != std::string::npos);
  }
  CHECK(
      ctl::bash_completion().find("sinks) words=\"$common --alert --all --by --letter --limit --why dead-letters drop "
                                  "history resend\"") != std::string::npos);
}

TEST_CASE("every kind of event has a description") {
  v1::Event event;
  CHECK(ctl::describe(event) == "of a kind that this version does not know");
  event.mutable_memory_access()->set_operation(v1::MEMORY_OPERATION_PROCESS_VM_READ);
  event.mutable_memory_access()->set_result(4096);
  CHECK(ctl::describe(event) == "process_vm_read = 4096");
  event.mutable_memory_access()->set_result(-1);
  CHECK(ctl::describe(event) == "process_vm_read failed with -1");
  event.mutable_file_open()->set_flags(2);
  event.mutable_file_open()->set_method(v1::OPEN_METHOD_OPENAT);
  CHECK(ctl::describe(event) == "openat for writing");
  event.mutable_loss()->set_count(3);
  event.mutable_loss()->set_place(v1::Loss::PLACE_KERNEL);
  CHECK(ctl::describe(event) == "3 records lost in the kernel");
}

}  // namespace bulkhead::test
