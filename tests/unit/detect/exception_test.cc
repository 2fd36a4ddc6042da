#include <catch2/catch.hpp>

#include <string>

#include "tests/unit/detect/events.h"
#include "tests/unit/detect/rule_texts.h"

namespace bulkhead::test {
namespace {

using Catch::Contains;

const v1::Event kRead = memory_event(v1::MEMORY_OPERATION_PROCESS_VM_READ);

std::string excepted(const std::string& exceptions) {
  return rule_text("event.kind = memory_access", "  exceptions:\n" + exceptions);
}

}  // namespace

TEST_CASE("an exception leaves out the tuples of values that it names, and nothing else") {
  const auto with = [](const std::string& tuple) {
    return excepted("    - name: known\n      fields: [actor.exe, actor.uid]\n      values:\n        - " + tuple +
                    "\n");
  };
  CHECK_FALSE(fires(with("[/usr/bin/gdb, 0]"), kRead));
  CHECK(fires(with("[/usr/bin/gdb, 1]"), kRead));
  CHECK(fires(with("[/usr/bin/gcore, 0]"), kRead));
  CHECK_FALSE(fires(with("[/usr/bin/gcore, 0]\n        - [/usr/bin/gdb, 0]"), kRead));
}

TEST_CASE("comps say how an exception's fields are compared") {
  const auto with = [](const std::string& comps, const std::string& tuple) {
    return excepted("    - name: known\n      fields: [actor.exe, actor.lineage.exe]\n      comps: " + comps +
                    "\n      values: [" + tuple + "]\n");
  };
  CHECK_FALSE(fires(with("[startswith, intersects]", "[/usr/bin, [/usr/bin/zsh, /usr/bin/bash]]"), kRead));
  CHECK(fires(with("[startswith, intersects]", "[/usr/bin, [/usr/bin/zsh]]"), kRead));
  CHECK_FALSE(fires(with("[pmatch, intersects]", "[[/opt, /usr], /usr/bin/bash]"), kRead));
  CHECK_FALSE(fires(with("[regex, intersects]", "['.*/g..', /usr/bin/bash]"), kRead));
}

TEST_CASE("an exception with one field takes a plain list of values") {
  const std::string head = "    - name: known\n      fields: actor.exe\n";
  CHECK_FALSE(fires(excepted(head + "      values: [/usr/bin/strace, /usr/bin/gdb]\n"), kRead));
  CHECK(fires(excepted(head + "      values: [/usr/bin/strace]\n"), kRead));
  CHECK_FALSE(fires(excepted(head + "      comps: endswith\n      values: [/strace, /gdb]\n"), kRead));
  CHECK_FALSE(
      fires(excepted(head + "      values: [debuggers]\n") + "- list: debuggers\n  items: [/usr/bin/gdb]\n", kRead));
  CHECK_FALSE(fires(excepted("    - {name: a, fields: actor.lineage.exe, values: [/usr/bin/bash]}\n"), kRead));
}

TEST_CASE("an exception without values leaves nothing out") {
  CHECK(fires(excepted("    - {name: known, fields: [actor.exe]}\n"), kRead));
}

TEST_CASE("an exception only narrows, also a condition with an or, and not by what is absent") {
  const std::string more = "  exceptions:\n    - {name: e, fields: event.path, values: [/proc/900/mem]}\n";
  CHECK(fires(rule_text("actor.pid = 4711 or actor.pid = 1", more), kRead));
  CHECK_FALSE(fires(rule_text("actor.pid = 1 or actor.pid = 2", more), kRead));
  v1::Event event = kRead;
  event.set_path("/proc/900/mem");
  CHECK_FALSE(fires(rule_text("actor.pid = 4711 or actor.pid = 1", more), event));
}

TEST_CASE("exceptions are checked") {
  CHECK_THAT(error_of(excepted("    - {name: e, fields: [actor.exee], values: []}\n")),
             Contains("t.yaml:7:26: unknown field 'actor.exee'; did you mean 'actor.exe'?"));
  CHECK_THAT(error_of(excepted("    - {name: e, fields: [actor.exe], comps: ['!='], values: []}\n")),
             Contains("'!=' cannot say which values"));
  CHECK_THAT(error_of(excepted("    - {name: e, fields: [actor.exe], comps: [exists], values: []}\n")),
             Contains("'exists' cannot say which values"));
  CHECK_THAT(error_of(excepted("    - {name: e, fields: [actor.exe], comps: [startwith], values: []}\n")),
             Contains("'startwith' is no operator; did you mean 'startswith'?"));
  CHECK_THAT(error_of(excepted("    - {name: e, fields: [actor.pid], comps: [glob], values: []}\n")),
             Contains("'glob' does not fit the number field 'actor.pid'"));
  CHECK_THAT(error_of(excepted("    - {name: e, fields: [actor.exe, actor.pid], comps: [=], values: []}\n")),
             Contains("1 comps for 2 fields"));
  CHECK_THAT(error_of(excepted("    - {name: e, fields: [actor.exe, actor.pid], values: [[/bin/sh]]}\n")),
             Contains("has 1 values for 2 fields"));
  CHECK_THAT(error_of(excepted("    - {name: e, fields: [actor.exe, actor.pid], values: [[/bin/sh, x]]}\n")),
             Contains("t.yaml:7:68: expected a number for 'actor.pid'"));
  CHECK_THAT(error_of(excepted("    - {name: e, fields: [actor.exe], values: [[[a, b]]]}\n")),
             Contains("'=' takes one value, not a list"));
  CHECK_THAT(error_of(excepted("    - {name: e, values: [a]}\n")), Contains("lacks the key 'fields'"));
  CHECK_THAT(error_of(excepted("    - {name: e, field: a}\n")),
             Contains("an exception has no key 'field'; did you mean 'fields'?"));
  CHECK_THAT(error_of(excepted("    - {name: e, fields: actor.exe}\n    - {name: e, fields: actor.exe}\n")),
             Contains("the exception 'e' is there twice"));
}

}  // namespace bulkhead::test
