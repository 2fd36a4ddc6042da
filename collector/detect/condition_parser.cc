#include "collector/detect/condition_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/fusion/include/adapt_struct.hpp>
#include <boost/spirit/home/x3.hpp>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "text/nearest_name.h"

BOOST_FUSION_ADAPT_STRUCT(bulkhead::detect::ast::ValueClause, op, operand)
BOOST_FUSION_ADAPT_STRUCT(bulkhead::detect::ast::SetClause, op, operands)
BOOST_FUSION_ADAPT_STRUCT(bulkhead::detect::ast::Test, name, clause)
BOOST_FUSION_ADAPT_STRUCT(bulkhead::detect::ast::Factor, negated, operand)

namespace bulkhead::detect {
namespace grammar {

namespace x3 = boost::spirit::x3;
using Iterator = std::string_view::const_iterator;

// Where the text begins, for offsets.
struct OriginTag {};

// A word ends at white space, quotes, brackets, commas and the signs that operators are made of.
const auto word_character = ~x3::char_(" \t\r\n\"'(),=<>!");
const auto name_character = x3::char_("a-zA-Z0-9_.-");

template <typename... Tests>
x3::symbols<const Operator*> operators_with() {
  x3::symbols<const Operator*> symbols;
  for (const Operator& op : operators()) {
    if ((std::holds_alternative<Tests>(op.test) || ...)) symbols.add(std::string(op.spelling), &op);
  }
  return symbols;
}

const x3::symbols<const Operator*> value_operators = operators_with<TestValue, TestPattern>();
const x3::symbols<const Operator*> set_operators = operators_with<TestSet, TestItems>();
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

const auto place_word = [](const auto& ctx) {
  const auto& range = x3::_attr(ctx);
  ast::Word& word = x3::_val(ctx);
  word.offset = static_cast<std::size_t>(range.begin() - x3::get<OriginTag>(ctx));
  word.text.assign(range.begin(), range.end());
};
const auto place_quoted = [](const auto& ctx) {
  place_word(ctx);
  ast::Word& word = x3::_val(ctx);
  word.quoted = true;
  std::string text;
  for (std::size_t i = 1; i + 1 < word.text.size(); ++i) {
    if (word.text[i] == '\\') ++i;
    text += word.text[i];
  }
  word.text = std::move(text);
};

// In both kinds of quotes, \ takes the next character literally.
const auto quoted_by = [](char quote) {
  return x3::lexeme[(x3::lit(quote) >> *(('\\' >> x3::char_) | (x3::char_ - quote - '\\'))) > x3::lit(quote)];
};

const x3::rule<struct NameClass, ast::Word> name = "the name of a field or macro";
const x3::rule<struct ValueClass, ast::Word> value = "a value";
const auto name_def = !(kw_and | kw_or | kw_not) >> x3::raw[x3::lexeme[+name_character]][place_word];
const auto value_def = x3::raw[x3::lexeme[+word_character]][place_word] | x3::raw[quoted_by('"')][place_quoted] |
                       x3::raw[quoted_by('\'')][place_quoted];

const x3::rule<struct ValuesClass, std::vector<ast::Word>> values = "a value";
const x3::rule<struct ListClass, std::vector<ast::Word>> list = "a list in parentheses or the name of a list";
const auto values_def = value >> *(',' > value);
const auto list_def = ('(' > values > ')') | x3::repeat(1)[value];

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
const x3::rule<struct NotsClass, bool> nots = "not";
const x3::rule<struct TermsClass, std::vector<ast::Conjunction>> terms = "a condition";
const x3::rule<struct FactorClass, ast::Factor> factor = "a condition";
const x3::rule<struct ConjunctionClass, ast::Conjunction> conjunction = "a condition";

const auto negate = [](const auto& ctx) { x3::_val(ctx) = !x3::_val(ctx); };
const auto set_terms = [](const auto& ctx) { x3::_val(ctx).terms = std::move(x3::_attr(ctx)); };

const auto primary_def = ('(' > disjunction > ')') | test;
// A row of `not` is a loop, so that it needs no stack.
const auto nots_def = +kw_not[negate];
const auto factor_def = (nots > primary) | (x3::attr(false) >> primary);
const auto conjunction_def = factor >> *(kw_and > factor);
const auto terms_def = conjunction >> *(kw_or > conjunction);
const auto disjunction_def = terms[set_terms];

BOOST_SPIRIT_DEFINE(value_operator, set_operator, lone_operator, name, value, values, list)
BOOST_SPIRIT_DEFINE(value_clause, set_clause, clause, test, primary)
BOOST_SPIRIT_DEFINE(nots, factor, conjunction, terms, disjunction)

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
                              text::did_you_mean(word, known))};
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
