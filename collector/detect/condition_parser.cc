#include "collector/detect/condition_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/fusion/include/adapt_struct.hpp>
#include <boost/spirit/home/x3.hpp>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "collector/detect/nearest_name.h"

BOOST_FUSION_ADAPT_STRUCT(bulkhead::detect::ast::ValueClause, op, operand)
BOOST_FUSION_ADAPT_STRUCT(bulkhead::detect::ast::SetClause, op, operands)
BOOST_FUSION_ADAPT_STRUCT(bulkhead::detect::ast::Test, name, clause)

namespace bulkhead::detect {
namespace grammar {

namespace x3 = boost::spirit::x3;
using Iterator = std::string_view::const_iterator;

// Where the text begins, for offsets.
struct OriginTag {};

struct WordPosition {
  template <typename It, typename Context>
  void on_success(const It& first, const It&, ast::Word& word, const Context& context) {
    word.offset = static_cast<std::size_t>(first - x3::get<OriginTag>(context));
  }
};

// A word ends at white space, quotes, brackets, commas and the signs that operators are made of.
const auto word_character = ~x3::char_(" \t\r\n\"'(),=<>!");
const auto name_character = x3::char_("a-zA-Z0-9_.-");

template <typename Test>
x3::symbols<const Operator*> operators_with() {
  x3::symbols<const Operator*> symbols;
  for (const Operator& op : operators()) {
    if (std::holds_alternative<Test>(op.test)) symbols.add(std::string(op.spelling), &op);
  }
  return symbols;
}

const x3::symbols<const Operator*> value_operators = operators_with<TestValue>();
const x3::symbols<const Operator*> set_operators = operators_with<TestSet>();
const x3::symbols<const Operator*> lone_operators = operators_with<TestAlone>();

// An operator made of letters must end where the word ends: `infoo` is not `in foo`.
const auto ended = [](const auto& ctx) {
  const Operator* op = x3::_attr(ctx);
  const Iterator after = x3::_where(ctx).begin();
  const bool letters = absl::ascii_isalpha(static_cast<unsigned char>(op->spelling.back()));
  const bool more = after != x3::_where(ctx).end() &&
                    (absl::ascii_isalnum(static_cast<unsigned char>(*after)) || *after == '_' || *after == '.');
  x3::_pass(ctx) = !(letters && more);
  x3::_val(ctx) = op;
};
const x3::rule<struct ValueOperator, const Operator*> value_operator = "an operator";
const x3::rule<struct SetOperator, const Operator*> set_operator = "an operator";
const x3::rule<struct LoneOperator, const Operator*> lone_operator = "an operator";
const auto value_operator_def = x3::lexeme[value_operators][ended];
const auto set_operator_def = x3::lexeme[set_operators][ended];
const auto lone_operator_def = x3::lexeme[lone_operators][ended];

const auto keyword = [](const char* word) { return x3::lexeme[x3::lit(word) >> !name_character]; };
const auto kw_and = keyword("and");
const auto kw_or = keyword("or");
const auto kw_not = keyword("not");

const auto set_text = [](const auto& ctx) {
  const auto& range = x3::_attr(ctx);
  x3::_val(ctx).text.assign(range.begin(), range.end());
};
const auto set_quoted = [](const auto& ctx) {
  x3::_val(ctx).text = x3::_attr(ctx);
  x3::_val(ctx).quoted = true;
};

// In both kinds of quotes, \ takes the next character literally.
const auto quoted_by = [](char quote) {
  return x3::lexeme[x3::lit(quote) >> *(('\\' >> x3::char_) | (x3::char_ - quote - '\\')) > x3::lit(quote)];
};
const x3::rule<struct DoubleQuoted, std::string> double_quoted = "a closing quote";
const x3::rule<struct SingleQuoted, std::string> single_quoted = "a closing quote";
const auto double_quoted_def = quoted_by('"');
const auto single_quoted_def = quoted_by('\'');

struct NameClass : WordPosition {};
struct ValueClass : WordPosition {};
const x3::rule<NameClass, ast::Word> name = "the name of a field or macro";
const x3::rule<ValueClass, ast::Word> value = "a value";
const auto name_def = !(kw_and | kw_or | kw_not) >> x3::raw[x3::lexeme[+name_character]][set_text];
const auto value_def =
    x3::raw[x3::lexeme[+word_character]][set_text] | double_quoted[set_quoted] | single_quoted[set_quoted];

const x3::rule<struct ListClass, std::vector<ast::Word>> list = "a list in parentheses or the name of a list";
const auto list_def = ('(' > (value % ',') > ')') | x3::repeat(1)[value];

const x3::rule<struct ValueClauseClass, ast::ValueClause> value_clause = "a comparison";
const x3::rule<struct SetClauseClass, ast::SetClause> set_clause = "a comparison";
const x3::rule<struct ClauseClass, ast::Clause> clause = "a comparison";
const auto value_clause_def = value_operator > value;
const auto set_clause_def = set_operator > list;
const auto clause_def = value_clause | set_clause | lone_operator;

const x3::rule<struct TestClass, ast::Test> test = "a test";
const auto test_def = name >> -clause;

const x3::rule<struct DisjunctionClass, ast::Disjunction> disjunction = "a condition";
const x3::rule<struct PrimaryClass, ast::Primary> primary = "a condition";
const x3::rule<struct FactorClass, ast::Factor> factor = "a condition";
const x3::rule<struct ConjunctionClass, ast::Conjunction> conjunction = "a condition";

const auto negate = [](const auto& ctx) { x3::_val(ctx).negated = !x3::_val(ctx).negated; };
const auto set_operand = [](const auto& ctx) { x3::_val(ctx).operand = std::move(x3::_attr(ctx)); };
const auto add_term = [](const auto& ctx) { x3::_val(ctx).terms.push_back(std::move(x3::_attr(ctx))); };

const auto primary_def = ('(' > disjunction > ')') | test;
// A row of `not` is a loop, so that it needs no stack.
const auto factor_def = (+kw_not[negate] > primary[set_operand]) | primary[set_operand];
const auto conjunction_def = factor >> *(kw_and > factor);
const auto disjunction_def = conjunction[add_term] >> *(kw_or > conjunction[add_term]);

BOOST_SPIRIT_DEFINE(value_operator, set_operator, lone_operator, double_quoted, single_quoted, name, value, list)
BOOST_SPIRIT_DEFINE(value_clause, set_clause, clause, test, primary, factor, conjunction, disjunction)

}  // namespace grammar

namespace {

// The grammar descends once per open parenthesis; a text that would take it too deep is refused before.
std::optional<std::size_t> too_deep(std::string_view text) {
  std::size_t depth = 0;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
      continue;
    }
    if (c == '"' || c == '\'') quote = c;
    if (c == '(' && ++depth > kConditionDepth) return i;
    if (c == ')' && depth > 0) --depth;
  }
  return std::nullopt;
}

std::string_view word_at(std::string_view text, std::size_t offset) {
  std::size_t end = offset;
  while (end < text.size() && (absl::ascii_isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) ++end;
  return text.substr(offset, end - offset);
}

// What stops the parser after a whole test is most often a misspelt operator.
SyntaxError unexpected(std::string_view text, std::size_t offset) {
  while (offset < text.size() && absl::ascii_isspace(static_cast<unsigned char>(text[offset]))) ++offset;
  const std::string_view word = word_at(text, offset);
  if (word.empty()) return {offset, "expected an operator, 'and', 'or' or the end of the condition"};
  std::vector<std::string_view> known = {"and", "or"};
  for (const Operator& op : operators()) known.push_back(op.spelling);
  return {offset, fmt::format("expected an operator, 'and', 'or' or the end of the condition, found '{}'{}", word,
                              did_you_mean(word, known))};
}

}  // namespace

std::variant<ast::Disjunction, SyntaxError> parse_condition(std::string_view text) {
  namespace x3 = boost::spirit::x3;
  if (text.size() > kConditionBytes) return SyntaxError{0, "the condition is longer than 64 KiB"};
  if (const auto offset = too_deep(text)) {
    return SyntaxError{*offset, fmt::format("parentheses are nested more than {} deep", kConditionDepth)};
  }
  ast::Disjunction condition;
  grammar::Iterator at = text.begin();
  try {
    const auto parser = x3::with<grammar::OriginTag>(text.begin())[grammar::disjunction];
    if (!x3::phrase_parse(at, text.end(), parser, x3::ascii::space, condition)) {
      return SyntaxError{static_cast<std::size_t>(at - text.begin()), "expected a condition"};
    }
  } catch (const x3::expectation_failure<grammar::Iterator>& failure) {
    std::size_t offset = static_cast<std::size_t>(failure.where() - text.begin());
    while (offset < text.size() && absl::ascii_isspace(static_cast<unsigned char>(text[offset]))) ++offset;
    return SyntaxError{offset, fmt::format("expected {}", failure.which())};
  }
  if (at != text.end()) return unexpected(text, static_cast<std::size_t>(at - text.begin()));
  return condition;
}

bool is_reserved_word(std::string_view word) {
  if (word == "and" || word == "or" || word == "not") return true;
  return std::ranges::any_of(operators(), [word](const Operator& op) { return op.spelling == word; });
}

}  // namespace bulkhead::detect
