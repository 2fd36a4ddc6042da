#include "tests/support/stage/product.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <chrono>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/stage/interrupt.h"
#include "tests/support/stage/log_tail.h"

namespace bulkhead::stage {
namespace {

constexpr Milliseconds kStartTimeout(20'000);
// The agent lets go of some hundred hooks, and each waits for the kernel's RCU.
constexpr Milliseconds kStopTimeout(30'000);
constexpr Milliseconds kAskTimeout(60'000);
constexpr Milliseconds kPollInterval(100);

std::string program(const std::string& name) {
  return absl::StrCat(program_directory(), "/", name);
}

absl::Status ended(const ChildProcess& process, int status, const std::filesystem::path& log) {
  return absl::UnavailableError(absl::StrCat(process.name(), " ended with status ", status, ": ", tail_of(log)));
}

absl::Status stop_orderly(ChildProcess& process) {
  const int status = process.stop(kStopTimeout);
  if (status == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(process.name(), ", asked to stop, ended with status ", status));
}

// Of one line of "bulkheadctl hosts --format json".
bool is_watching(const std::string& host, int running_domains) {
  google::protobuf::Struct fields;
  if (!google::protobuf::util::JsonStringToMessage(host, &fields).ok()) return false;
  const auto& values = fields.fields();
  const auto connected = values.find("connected"), running = values.find("runningDomains"),
             coverage = values.find("coverage");
  return connected != values.end() && connected->second.bool_value() && coverage != values.end() &&
         (running == values.end() ? 0 : running->second.number_value()) >= running_domains;
}

}  // namespace

absl::StatusOr<Collector> Collector::start(const std::filesystem::path& directory,
                                           const std::vector<std::string>& flags) {
  const auto data = directory / "collector", log = directory / "collector.log";
  std::vector<std::string> words = {program("bulkhead-collector"),
                                    "--data-dir",
                                    data,
                                    "--listen",
                                    "127.0.0.1:0",
                                    "--http",
                                    "127.0.0.1:0",
                                    "--alerts-stdout"};
  words.insert(words.end(), flags.begin(), flags.end());
  auto process = ChildProcess::start({words, log, {}});
  if (!process.ok()) return process.status();
  Collector collector;
  collector.process_ = std::make_unique<ChildProcess>(std::move(*process));
  const auto deadline = std::chrono::steady_clock::now() + kStartTimeout;
  while (std::chrono::steady_clock::now() < deadline) {
    // Written when it listens.
    std::ifstream file(data / "listen.addr");
    if (std::getline(file, collector.address_) && !collector.address_.empty()) return collector;
    if (const auto status = collector.process_->wait(kPollInterval); status.ok())
      return ended(*collector.process_, *status, log);
  }
  return absl::DeadlineExceededError(absl::StrCat("the collector does not listen: ", tail_of(log)));
}

absl::StatusOr<std::string> Collector::ask(std::vector<std::string> words) const {
  words.insert(words.begin(), {program("bulkheadctl"), "--collector", address_});
  auto outcome = run({words, "", {}}, kAskTimeout);
  if (!outcome.ok()) return outcome.status();
  if (outcome->exit_status != 0)
    return absl::UnavailableError(absl::StrCat(absl::StrJoin(words, " "), " ended with status ", outcome->exit_status));
  return std::move(outcome->output);
}

namespace {

// What the agent trusts by itself, as far as a stage has it, and this program, which plays the control plane: it
// defines domains, starts them, gives them disks and talks to their consoles.
std::string trusted_services() {
  return absl::StrCat(
      "trusted_services:\n"
      "  - {executable: /usr/sbin/libvirtd, uid: 0, operations: [open-volumes, monitor, guest-agent, console]}\n"
      "  - {executable: /usr/bin/qemu-img, uid: any, operations: [open-volumes], only_from_trusted_parent: true}\n"
      "  - {executable: /usr/lib/libvirt/libvirt_iohelper, uid: any, operations: [open-volumes], "
      "only_from_trusted_parent: true}\n"
      "  - {executable: ",
      std::filesystem::read_symlink("/proc/self/exe").string(),
      ", uid: 0, operations: [attach, redefine, power, console]}\n");
}

}  // namespace

absl::StatusOr<Agent> Agent::start(const std::filesystem::path& directory, const Collector& collector,
                                   const PrivateLibvirt& libvirt, const std::string& configuration,
                                   std::vector<std::string> wrapper) {
  const auto file = directory / "agent.yaml", log = directory / "agent.log";
  std::ofstream out(file);
  out << "libvirt:\n  run_dir: " << libvirt.run_dir().string() << "\n" << configuration;
  if (!absl::StrContains(configuration, "trusted_services:")) out << trusted_services();
  out.close();
  std::vector<std::string> words = std::move(wrapper);
  words.insert(words.end(), {program("bulkhead-agent"), "--collector", collector.address(), "--state-dir",
                             directory / "agent", "--libvirt", libvirt.uri(), "--config", file});
  auto process = ChildProcess::start({std::move(words), log, {}});
  if (!process.ok()) return process.status();
  Agent agent;
  agent.process_ = std::make_unique<ChildProcess>(std::move(*process));
  if (const auto status = agent.process_->wait(kPollInterval); status.ok()) return ended(*agent.process_, *status, log);
  return agent;
}

absl::Status Agent::wait_until_watching(const Collector& collector, int running_domains, Milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::string known;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto hosts = collector.ask({"hosts", "--format", "json"});
    if (hosts.ok() && is_watching(*hosts, running_domains)) return absl::OkStatus();
    known = hosts.ok() ? *hosts : std::string(hosts.status().message());
    if (interrupted()) return absl::CancelledError("interrupted");
    if (const auto status = process_->wait(kPollInterval); status.ok())
      return absl::UnavailableError(absl::StrCat("the agent ended with status ", *status));
  }
  return absl::DeadlineExceededError(
      absl::StrCat("the agent does not watch ", running_domains, " running domains; the collector knows: ", known));
}

absl::Status Agent::stop() {
  return stop_orderly(*process_);
}

absl::Status Collector::stop() {
  return stop_orderly(*process_);
}

}  // namespace bulkhead::stage
