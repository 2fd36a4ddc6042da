#include "agent/inventory/image_name.h"

#include <catch2/catch.hpp>

namespace bulkhead::inventory {
namespace {

using Places = std::vector<ImagePlace>;

Places paths(std::initializer_list<const char*> names) {
  Places places;
  for (const char* name : names) places.push_back({.path = name, .identity = ""});
  return places;
}

Places network(const char* identity) {
  return {{.path = "", .identity = identity}};
}

TEST_CASE("a path is taken as QEMU does, a relative one from the image's own directory") {
  CHECK(places_of("/srv/base", "/images") == paths({"/srv/base"}));
  CHECK(places_of("base.qcow2", "/images") == paths({"/images/base.qcow2"}));
  CHECK(places_of("../../etc/shadow", "/images/a") == paths({"/images/a/../../etc/shadow"}));
  CHECK(places_of("file:/etc/shadow", "/images") == paths({"/etc/shadow"}));
  CHECK(places_of("host_device:/dev/sda", "/images") == paths({"/dev/sda"}));
  CHECK(places_of("./a:b", "/images") == paths({"/images/./a:b"}));
  CHECK(places_of("", "/images").empty());
}

TEST_CASE("a json name leads to every file in it", "[DISK-06]") {
  CHECK(places_of(R"(json:{"driver":"qcow2","file":{"driver":"file","filename":"/etc/shadow"}})", "/i") ==
        paths({"/etc/shadow"}));
  CHECK(places_of(R"(json:{"file.filename":"/etc/shadow"})", "/i") == paths({"/etc/shadow"}));
  CHECK(
      places_of(
          R"(json:{"driver":"quorum","children":[{"filename":"/a"},{"file":{"filename":"json:{\"filename\":\"/b\"}"}}]})",
          "/i") == paths({"/a", "/b"}));
  CHECK(places_of(R"(json:{"driver":"raw","file":{"driver":"rbd","pool":"p","image":"i"}})", "/i") ==
        network("rbd:p/i"));
  CHECK(places_of(R"(json:{"driver":"nbd","server":{"type":"inet","host":"10.0.0.1","port":"10809"},"export":"disk"})",
                  "/i") == network("nbd://10.0.0.1:10809/disk"));
}

TEST_CASE("a json name that is broken or too deep leads nowhere") {
  CHECK(places_of("json:{", "/i").empty());
  CHECK(places_of("json:[]", "/i").empty());
  std::string deep = "json:";
  for (int i = 0; i < 5000; ++i) deep += "{\"file\":";
  CHECK(places_of(deep, "/i").empty());
  CHECK(places_of("json:{\"filename\":\"" + std::string(20'000, 'x') + "\"}", "/i").empty());
  std::string wide = "json:{\"children\":[";
  for (int i = 0; i < 100; ++i) wide += (i == 0 ? "" : ",") + ("{\"filename\":\"/" + std::to_string(i) + "\"}");
  CHECK(places_of(wide + "]}", "/i").size() == kMaxPlaces);
}

TEST_CASE("protocols that open files of the host lead to these", "[DISK-06]") {
  CHECK(places_of("fat:rw:/etc", "/i") == paths({"/etc"}));
  CHECK(places_of("blkdebug:/etc/a:/etc/b", "/i") == paths({"/etc/a", "/etc/b"}));
  CHECK(places_of("null-co://", "/i").empty());
}

TEST_CASE("network storage is named without passwords, keys and options") {
  CHECK(places_of("rbd:pool/image:id=admin:key=SECRET", "/i") == network("rbd:pool/image"));
  CHECK(places_of("iscsi://user%secret@10.0.0.1:3260/iqn.2026-01.a:b/1", "/i") == network("iscsi:iqn.2026-01.a:b/1"));
  CHECK(places_of("gluster+tcp://h:24007/vol/disk?x=y", "/i") == network("gluster:vol/disk"));
  CHECK(places_of("https://u:p@h/d.img?token=x", "/i") == network("https://h/d.img"));
  CHECK(places_of("nbd://[::1]:10809/e", "/i") == network("nbd://[::1]:10809/e"));
  CHECK(places_of("nbd:h:1:exportname=e", "/i") == network("nbd://h:1/e"));
}

TEST_CASE("an identity has the host only where the name alone says nothing") {
  CHECK(network_identity("rbd", "p/i", "mon1", "6789") == "rbd:p/i");
  CHECK(network_identity("nbd", "e", "h", "10809") == "nbd://h:10809/e");
  CHECK(network_identity("http", "d", "h", "") == "http://h/d");
}

TEST_CASE("names are printable, whatever they are") {
  CHECK(printable_name("/srv/\xc3\xa4\n\xff\xc3") == "/srv/\xc3\xa4???");
  CHECK(printable_name("\xed\xa0\x80\xf4\x90\x80\x80") == "???????");
  CHECK(printable_name(std::string(5000, 'x')).size() == 4095);
}

}  // namespace
}  // namespace bulkhead::inventory
