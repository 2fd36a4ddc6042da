#include "collector/detect/program.h"

#include <algorithm>

namespace bulkhead::detect {
namespace {

class Evaluation {
 public:
  Evaluation(const Program& program, const v1::Event& event) : program_(program), event_(event) {}

  bool holds(NodeId node) {
    return std::visit([this](const auto& what) { return is_true(what); }, program_.nodes[node].what);
  }

 private:
  bool is_true(const AllOf& all) {
    return std::ranges::all_of(all.nodes, [this](NodeId node) { return holds(node); });
  }
  bool is_true(const AnyOf& any) {
    return std::ranges::any_of(any.nodes, [this](NodeId node) { return holds(node); });
  }
  bool is_true(const Not& negation) { return !holds(negation.node); }
  bool is_true(const ValueTest& test) {
    const Value left = test.left->get(event_, left_scratch_);
    const Value right = test.right != nullptr ? test.right->get(event_, right_scratch_) : test.literal;
    return (left.present && right.present && test.test(left, right)) != test.negated;
  }
  bool is_true(const SetTest& test) {
    const Value left = test.left->get(event_, left_scratch_);
    return left.present && test.test(left, test.set);
  }
  bool is_true(const LoneTest& test) {
    const Value left = test.left->get(event_, left_scratch_);
    return left.present && test.test(left);
  }
  bool is_true(const PatternTest& test) {
    const Value left = test.left->get(event_, left_scratch_);
    return left.present && test.test(left, *test.pattern);
  }
  bool is_true(const ItemsTest& test) {
    items_.clear();
    test.left->items(event_, items_);
    return test.test(items_, test.set);
  }

  const Program& program_;
  const v1::Event& event_;
  std::string left_scratch_;
  std::string right_scratch_;
  std::vector<std::string_view> items_;
};

}  // namespace

bool holds(const Program& program, NodeId node, const v1::Event& event) {
  return Evaluation(program, event).holds(node);
}

}  // namespace bulkhead::detect
