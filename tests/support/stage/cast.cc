#include "tests/support/stage/cast.h"

#include "absl/strings/str_cat.h"

namespace bulkhead::stage {
namespace {

constexpr Milliseconds kWatchTimeout(60'000);
constexpr Milliseconds kBootTimeout(120'000);

absl::StatusOr<std::unique_ptr<Domain>> enter(Cast& cast, const DomainPlan& plan, bool running) {
  for (const Disk& disk : plan.disks)
    if (auto status = make_image(disk.image, disk.format, 16); !status.ok()) return status;
  auto domain = cast.hypervisor->define(plan);
  if (!domain.ok()) return domain.status();
  if (running)
    if (auto status = domain->start(); !status.ok()) return status;
  return std::make_unique<Domain>(std::move(*domain));
}

absl::Status enter_all(Cast& cast) {
  const auto volume = [&](const char* name) { return cast.directory() / name; };
  struct Role {
    DomainPlan plan;
    bool running;
    std::unique_ptr<Domain>& domain;
  };
  const Role roles[] = {
      {{"acme-1",
        kAcme,
        {{volume("acme-1.qcow2"), "qcow2"}},
        {{"tap-acme-1", kAcmeBridge, "52:54:00:ac:00:01"}},
        absl::StrCat(kAcme1Address, "/24")},
       true,
       cast.acme_1},
      {{"acme-2",
        kAcme,
        {{volume("acme-2.qcow2"), "qcow2"}},
        {{"tap-acme-2", kAcmeBridge, "52:54:00:ac:00:02"}},
        absl::StrCat(kAcme2Address, "/24")},
       true,
       cast.acme_2},
      {{"globex-1",
        kGlobex,
        {{volume("globex-1.qcow2"), "qcow2"}},
        {{"tap-globex-1", kGlobexBridge, "52:54:00:9b:00:01"}},
        "10.77.0.21/24"},
       true,
       cast.globex_1},
      // QEMU's image locks refuse a volume that a running domain has open; the vault's domain is off.
      {{"acme-vault", kAcme, {{volume("acme-vault.raw"), "raw"}}, {}, ""}, false, cast.acme_vault},
  };
  for (const Role& role : roles) {
    auto domain = enter(cast, role.plan, role.running);
    if (!domain.ok()) return domain.status();
    role.domain = std::move(*domain);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Cast>> Cast::assemble(const Narrator& narrate) {
  const auto image = find_guest_image();
  if (!image.ok()) return image.status();
  narrate("looking whether KVM works here (30 s at most)");
  const bool use_kvm = kvm_works(*image);
  narrate(absl::StrCat("starting a private libvirt; guests ", use_kvm ? "run under KVM" : "are emulated"));
  auto libvirt = PrivateLibvirt::start({.hide_kvm = !use_kvm});
  if (!libvirt.ok()) return libvirt.status();
  for (const char* bridge : {kAcmeBridge, kGlobexBridge})
    if (auto status = libvirt->add_bridge(bridge); !status.ok()) return status;

  narrate("starting collector and agent");
  auto collector = Collector::start(libvirt->state_dir());
  if (!collector.ok()) return collector.status();
  auto agent = Agent::start(libvirt->state_dir(), *collector, *libvirt);
  if (!agent.ok()) return agent.status();
  if (auto status = agent->wait_until_watching(*collector, 0, kWatchTimeout); !status.ok()) return status;

  narrate("starting the domains of two tenants: acme-1 and acme-2, globex-1; acme-vault stays off");
  auto hypervisor = Hypervisor::connect(*libvirt, *image, use_kvm);
  if (!hypervisor.ok()) return hypervisor.status();
  auto cast = std::unique_ptr<Cast>(new Cast{std::move(*libvirt), std::move(*collector), std::move(*agent),
                                             std::make_unique<Hypervisor>(std::move(*hypervisor)), nullptr, nullptr,
                                             nullptr, nullptr});
  if (auto status = enter_all(*cast); !status.ok()) return status;
  narrate("waiting for the agent to watch them");
  if (auto status = cast->agent.wait_until_watching(cast->collector, 3, kWatchTimeout); !status.ok()) return status;
  return cast;
}

absl::Status Cast::wait_for_guests() {
  for (Domain* domain : {acme_1.get(), acme_2.get(), globex_1.get()})
    if (auto status = domain->console().wait_ready(kBootTimeout); !status.ok()) return status;
  return absl::OkStatus();
}

absl::Status Cast::leave() {
  for (auto* domain : {&globex_1, &acme_vault, &acme_2, &acme_1}) domain->reset();
  hypervisor.reset();
  absl::Status result = agent.stop();
  result.Update(collector.stop());
  result.Update(libvirt.end());
  return result;
}

}  // namespace bulkhead::stage
