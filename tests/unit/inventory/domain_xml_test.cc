#include "agent/inventory/domain_xml.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/unit/inventory/fixture.h"

using namespace bulkhead::inventory;
using bulkhead::inventory::test::read_fixture;

namespace {

DomainXml parse(const std::string& name) {
  auto parsed = parse_domain_xml(read_fixture(name));
  INFO(name << ": " << parsed.status());
  REQUIRE(parsed.ok());
  return *std::move(parsed);
}

std::string refusal(const std::string& xml) {
  const auto parsed = parse_domain_xml(xml);
  REQUIRE_FALSE(parsed.ok());
  CHECK(absl::IsInvalidArgument(parsed.status()));
  return std::string(parsed.status().message());
}

std::string domain_with(const std::string& body) {
  return "<domain><name>n</name><uuid>3e3fce45-4f53-4fa7-bb32-11f34168b82b</uuid>" + body + "</domain>";
}

}  // namespace

TEST_CASE("a Nova domain gives its project, volumes, firmware and ports") {
  const DomainXml xml = parse("nova-1.1.xml");
  CHECK(xml.domain.uuid == "8f3c5a8e-6f0d-4c38-9d0e-0d5a6a3f1b21");
  CHECK(xml.domain.name == "instance-0000002a");
  CHECK(xml.domain.emulator == "/usr/bin/qemu-system-x86_64");
  CHECK(xml.claims == std::vector<TenantClaim>{{"nova", "38bd8e984a3e435a87e950a441ee55aa"}});
  CHECK(xml.problems.empty());

  const ChainImage base = {.source = "/var/lib/nova/instances/_base/6b1c1f5d2c",
                           .path = "/var/lib/nova/instances/_base/6b1c1f5d2c",
                           .format = "raw",
                           .role = "backing file",
                           .image = "/var/lib/nova/instances/8f3c5a8e-6f0d-4c38-9d0e-0d5a6a3f1b21/disk"};
  const std::vector<Volume> expected = {
      {"/usr/share/OVMF/OVMF_CODE_4M.fd", "nvram", "loader", true, true},
      {"/var/lib/libvirt/qemu/nvram/instance-0000002a_VARS.fd", "nvram", "nvram", false, false, "raw"},
      {"/var/lib/nova/instances/8f3c5a8e-6f0d-4c38-9d0e-0d5a6a3f1b21/disk",
       "file",
       "vda",
       false,
       false,
       "qcow2",
       "",
       {base}},
      {"rbd:volumes/volume-3b4c0d9e-7c5b-4f67-8f1e-14d5a7f4a0b1", "network", "vdb", false, false, "raw",
       "rbd:volumes/volume-3b4c0d9e-7c5b-4f67-8f1e-14d5a7f4a0b1"},
      {"/var/lib/nova/instances/8f3c5a8e-6f0d-4c38-9d0e-0d5a6a3f1b21/disk.config", "file", "sda", true, false, "raw"},
  };
  CHECK(xml.domain.volumes == expected);

  REQUIRE(xml.domain.ports.size() == 2);
  CHECK(xml.domain.ports[0] == Port{"tap0f5d1e0e-49", MacAddress{0xfa, 0x16, 0x3e, 0x9a, 0x01, 0x7c}, "br-int"});
  CHECK(xml.domain.ports[1].device.empty());
}

TEST_CASE("an empty CD drive is no volume") {
  const DomainXml xml = parse("nova-1.1.xml");
  CHECK(std::none_of(xml.domain.volumes.begin(), xml.domain.volumes.end(),
                     [](const Volume& volume) { return volume.target == "sdb"; }));
}

TEST_CASE("Nova's older namespace is understood") {
  const DomainXml xml = parse("nova-1.0.xml");
  CHECK(xml.claims == std::vector<TenantClaim>{{"nova", "5d1f0a4b9c2e4d6f8a7b6c5d4e3f2a1b"}});
  CHECK(xml.domain.volumes == std::vector<Volume>{{"/dev/vg0/instance-00000004", "block", "vda", false, true}});
}

TEST_CASE("a KubeVirt domain belongs to the namespace before the first underscore") {
  CHECK(parse("kubevirt.xml").claims == std::vector<TenantClaim>{{"kubevirt", "team-a"}});
}

TEST_CASE("an OpenNebula domain belongs to its group, or to its user when so configured") {
  CHECK(parse("opennebula.xml").claims == std::vector<TenantClaim>{{"opennebula", "103"}});
  const auto by_user = parse_domain_xml(read_fixture("opennebula.xml"), bulkhead::config::OpenNebulaOwner::kUser);
  REQUIRE(by_user.ok());
  CHECK(by_user->claims == std::vector<TenantClaim>{{"opennebula", "7"}});
}

TEST_CASE("a CloudStack domain without a project belongs to its account") {
  const DomainXml xml = parse("cloudstack.xml");
  CHECK(xml.claims == std::vector<TenantClaim>{{"cloudstack", "22c7a0a0-0000-4000-8000-000000000002"}});
  CHECK(xml.domain.volumes ==
        std::vector<Volume>{{"primary/7f3e0b1c-5a0c-4df8-8ad4-30c0f5a3c611", "volume", "vda", false, false}});
}

TEST_CASE("CloudStack's literal unknown is no claim") {
  CHECK(parse("cloudstack-unknown.xml").claims.empty());
}

TEST_CASE("an oVirt domain states no owner and gives the target of a running block copy") {
  const DomainXml xml = parse("ovirt.xml");
  CHECK(xml.claims.empty());
  CHECK(xml.title == "Hooli: payroll");
  const std::vector<Volume> expected = {
      {"/rhev/data-center/mnt/blockSD/77ee/images/44aa/55bb", "block", "sda", false, false, "raw"},
      {"/rhev/data-center/mnt/blockSD/9c1d/images/44aa/55bb", "block", "sda", false, false},
      {"/var/lib/floppies/payroll", "dir", "fda", false, false},
      {"nvme:0x0000:0x01:0x00.0x0", "nvme", "vdc", false, false},
  };
  CHECK(xml.domain.volumes == expected);
}

TEST_CASE("our own tenant element is read, and escapes in paths are undone") {
  const DomainXml xml = parse("bulkhead.xml");
  CHECK(xml.claims == std::vector<TenantClaim>{{"bulkhead", "acme"}});
  REQUIRE(xml.domain.volumes.size() == 2);
  CHECK(xml.domain.volumes[0] == Volume{"/var/lib/libvirt/nvram/acme-1.fd", "nvram", "nvram", false, false, "raw"});
  CHECK(xml.domain.volumes[1].source == "/srv/acme & sons/root disk.raw");
  CHECK(xml.domain.ports[0].bridge == "virbr0");
}

TEST_CASE("several forms of metadata are all reported, ours first") {
  CHECK(parse("two-forms.xml").claims ==
        std::vector<TenantClaim>{{"bulkhead", "globex"}, {"nova", "38bd8e984a3e435a87e950a441ee55aa"}});
}

TEST_CASE("metadata of another namespace names no tenant") {
  const auto parsed =
      parse_domain_xml(domain_with("<metadata><tenant id='acme'/><b:tenant xmlns:b='urn:bulkhead:tenant:2' id='acme'/>"
                                   "<n:instance xmlns:n='http://example.com/nova'><n:owner><n:project "
                                   "uuid='x'/></n:owner></n:instance></metadata>"));
  REQUIRE(parsed.ok());
  CHECK(parsed->claims.empty());
}

TEST_CASE("hostile names become harmless for people while paths stay exact") {
  const DomainXml xml = parse("hostile-names.xml");
  CHECK(xml.domain.name == "../../etc/passwd?fake log line?x");
  CHECK(xml.domain.volumes == std::vector<Volume>{{"/images/with\nnewline", "file", "vda", false, false}});
  REQUIRE(xml.domain.ports.size() == 1);
  CHECK(xml.domain.ports[0] == Port{});
  CHECK(xml.problems.size() == 3);
}

TEST_CASE("a name is cut at the edge of a character") {
  std::string name(254, 'a');
  name += "\xc3\xa9\xc3\xa9";  // two é of two bytes; the limit of 255 falls into the first
  CHECK(name_for_people(name) == std::string(254, 'a'));
}

TEST_CASE("a document type is refused before any entity is expanded") {
  CHECK(refusal(read_fixture("billion-laughs.xml")) == "XML line 2: has a document type declaration");
  CHECK(refusal(read_fixture("external-entity.xml")) == "XML line 2: has a document type declaration");
}

TEST_CASE("truncated XML is refused with its line") {
  CHECK(refusal(read_fixture("truncated.xml")).starts_with("XML line 6: "));
}

TEST_CASE("XML that is no domain is refused") {
  CHECK(refusal("") == "XML line 1: Document is empty");
  CHECK(refusal("<network/>") == "XML is not a libvirt domain: its root is not <domain>");
  CHECK(refusal("<domain><name>n</name></domain>") == "the domain's XML has no valid <uuid>");
  CHECK(refusal("<domain><name>n</name><uuid>../../x</uuid></domain>") == "the domain's XML has no valid <uuid>");
  CHECK(refusal("<domain><uuid>3e3fce45-4f53-4fa7-bb32-11f34168b82b</uuid></domain>") ==
        "the domain's XML has no <name>");
}

TEST_CASE("elements may nest to the limit and no deeper") {
  const auto nested = [](std::size_t depth) {
    std::string xml = domain_with("@");
    std::string open, close;
    for (std::size_t i = 1; i < depth; ++i) {
      open += "<a>";
      close += "</a>";
    }
    return xml.replace(xml.find('@'), 1, open + close);
  };
  CHECK(parse_domain_xml(nested(kMaxXmlDepth)).ok());
  CHECK(refusal(nested(kMaxXmlDepth + 1)) == "XML line 1: is nested deeper than 256 elements");
}

TEST_CASE("XML of the largest size is read and one byte more is refused") {
  const std::string base = domain_with("");
  CHECK(parse_domain_xml(base + std::string(kMaxXmlBytes - base.size(), '\n')).ok());
  CHECK(refusal(base + std::string(kMaxXmlBytes - base.size() + 1, '\n')) ==
        "XML of 4194305 bytes is larger than 4194304");
}

TEST_CASE("a domain with more devices than the limit is refused, not read in part") {
  std::string devices;
  for (std::size_t i = 0; i <= kMaxDevices; ++i) devices += "<disk type='file'><source file='/d'/></disk>";
  CHECK(refusal(domain_with("<devices>" + devices + "</devices>")) == "4097 disks and interfaces are more than 4096");
}

TEST_CASE("a source that the kernel could not open is left out and said") {
  const auto parsed =
      parse_domain_xml(domain_with("<devices><disk type='file'><source file='/" + std::string(kMaxSourceBytes, 'x') +
                                   "'/><target dev='vda'/></disk></devices>"));
  REQUIRE(parsed.ok());
  CHECK(parsed->domain.volumes.empty());
  CHECK(parsed->problems.size() == 1);
}

TEST_CASE("a disk's format, a network disk's identity and the chain that a definition states are read") {
  const auto parsed = parse_domain_xml(domain_with(
      "<devices><disk type='file'><driver name='qemu' type='qcow2'/><source file='/i/top'><dataStore type='block'>"
      "<format type='raw'/><source dev='/dev/sdx'/></dataStore></source><backingStore type='file'><format type='raw'/>"
      "<source file='/i/middle'/><backingStore type='network'><format type='raw'/><source protocol='nbd' name='e'>"
      "<host name='h' port='1'/></source><backingStore/></backingStore></backingStore><target dev='vda'/></disk>"
      "<disk type='network'><driver type='raw'/><source protocol='rbd' name='pool/image'><host name='m'/></source>"
      "<target dev='vdb'/></disk></devices>"));
  REQUIRE(parsed.ok());
  REQUIRE(parsed->domain.volumes.size() == 2);
  const Volume& file = parsed->domain.volumes[0];
  CHECK(file.format == "qcow2");
  REQUIRE(file.chain.size() == 3);
  CHECK(file.chain[0] == ChainImage{.source = "/dev/sdx",
                                    .path = "/dev/sdx",
                                    .format = "raw",
                                    .role = "data file",
                                    .image = "/i/top",
                                    .written = true});
  CHECK(file.chain[1] ==
        ChainImage{
            .source = "/i/middle", .path = "/i/middle", .format = "raw", .role = "backing file", .image = "/i/top"});
  CHECK(file.chain[2] ==
        ChainImage{.source = "nbd://h:1/e", .path = "", .format = "raw", .role = "backing file", .image = "/i/middle"});
  CHECK(parsed->domain.volumes[1].identity == "rbd:pool/image");
}
