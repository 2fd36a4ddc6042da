#include "tests/e2e/host/small_host.h"

#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "tests/support/stage/guest_image.h"

namespace bulkhead::stage {

namespace {

constexpr char kPolicyFile[] = "policy.yaml";

template <typename Value>
Value must(absl::StatusOr<Value> value) {
  if (!value.ok()) FAIL(value.status().message());
  return *std::move(value);
}

}  // namespace

std::string missing_for_host() {
  if (geteuid() != 0) return "needs root";
  const auto image = find_guest_image();
  return image.ok() ? "" : std::string(image.status().message());
}

std::unique_ptr<SmallHost> SmallHost::make(const std::string& policy, const std::string& devices, bool listen_tcp,
                                           bool sandbox) {
  const GuestImage image = must(find_guest_image());
  const bool use_kvm = kvm_works(image);
  PrivateLibvirt libvirt =
      must(PrivateLibvirt::start({.hide_kvm = !use_kvm, .listen_tcp = listen_tcp, .sandbox = sandbox}));
  std::vector<std::string> flags;
  if (!policy.empty()) {
    const std::string file = libvirt.state_dir() / kPolicyFile;
    std::ofstream(file) << policy;
    flags = {"--policy", file};
  }
  Collector collector = must(Collector::start(libvirt.state_dir(), flags));
  auto hypervisor = std::make_unique<Hypervisor>(must(Hypervisor::connect(libvirt, image, use_kvm)));
  const auto disk = libvirt.state_dir() / "acme.qcow2";
  if (auto made = make_image(disk, "qcow2", 16); !made.ok()) FAIL(made.message());
  DomainPlan plan;
  plan.name = "acme-1";
  plan.tenant = "acme";
  plan.disks = {{.image = disk, .format = "qcow2"}};
  plan.devices = devices;
  auto domain = std::make_unique<Domain>(must(hypervisor->define(plan)));
  return std::unique_ptr<SmallHost>(
      new SmallHost{std::move(libvirt), std::move(collector), std::nullopt, std::move(hypervisor), std::move(domain)});
}

void SmallHost::change_policy(const std::string& policy) {
  std::ofstream(libvirt.state_dir() / kPolicyFile) << policy;
  collector.process().signal(SIGHUP);
}

void SmallHost::start_agent(const std::string& configuration, std::vector<std::string> wrapper) {
  agent.emplace(must(Agent::start(libvirt.state_dir(), collector, libvirt, configuration, std::move(wrapper))));
}

std::string SmallHost::logs() const {
  std::string all;
  for (const char* name : {"agent.log", "collector.log"}) {
    std::ifstream log(libvirt.state_dir() / name);
    absl::StrAppend(&all, name, ":\n", std::string(std::istreambuf_iterator<char>(log), {}));
  }
  return all;
}

std::string SmallHost::host_json() const {
  const std::string hosts = must(collector.ask({"hosts", "--format", "json"}));
  return hosts.substr(0, hosts.find('\n'));
}

pid_t read_memory(pid_t vmm, int times) {
  ChildProcess reader =
      must(ChildProcess::start({.words = {program_directory() + "/subjects/memory_reader",
                                          absl::StrCat("--times=", times), std::to_string(vmm), "largest", "64"},
                                .stderr_file = "",
                                .namespaces = {}}));
  const pid_t pid = reader.pid();
  if (must(reader.wait(kPatience)) != 0) FAIL("the memory could not be read");
  return pid;
}

}  // namespace bulkhead::stage
