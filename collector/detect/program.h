// A compiled condition: nodes in one array, fields by pointer, literals in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "bulkhead/v1/event.pb.h"
#include "collector/detect/fields.h"
#include "collector/detect/operators.h"

namespace bulkhead::detect {

using NodeId = std::uint32_t;

struct AllOf {
  std::vector<NodeId> nodes;
};
struct AnyOf {
  std::vector<NodeId> nodes;
};
struct Not {
  NodeId node = 0;
};
struct ValueTest {
  const Field* left = nullptr;
  TestValue test = nullptr;
  // A field, or null for the literal.
  const Field* right = nullptr;
  Value literal;
  bool negated = false;
};
struct SetTest {
  const Field* left = nullptr;
  TestSet test = nullptr;
  ValueSet set;
};
struct LoneTest {
  const Field* left = nullptr;
  TestAlone test = nullptr;
};

struct PatternTest {
  const Field* left = nullptr;
  TestPattern test = nullptr;
  std::shared_ptr<const re2::RE2> pattern;
};
struct ItemsTest {
  const Field* left = nullptr;
  TestItems test = nullptr;
  ValueSet set;
};

struct Node {
  std::variant<AllOf, AnyOf, Not, ValueTest, SetTest, LoneTest, PatternTest, ItemsTest> what;
  // Kinds of events for which it can be true.
  KindMask kinds = kAllKinds;
  // Nodes that an evaluation visits at most, and how deep it descends; both are bounded by the compiler.
  std::uint32_t cost = 1;
  std::uint32_t depth = 1;
};

struct Program {
  std::vector<Node> nodes;
  // What literals' text points into: a deque never moves its elements.
  std::deque<std::string> texts;
};

bool holds(const Program& program, NodeId node, const v1::Event& event);

}  // namespace bulkhead::detect
