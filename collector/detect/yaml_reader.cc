#include "collector/detect/yaml_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "text/nearest_name.h"

namespace bulkhead::detect {
namespace {

constexpr std::size_t kNameBytes = 128;
constexpr std::size_t kTextBytes = 64u << 10;
// An alias costs a few bytes in the file and stands for any number of texts.
constexpr std::size_t kBytesMade = 64u << 20;
constexpr std::size_t kItemBytes = 64;

std::string with_article(std::string_view noun) {
  const bool vowel = std::string_view("aeiouAEIOU").find(noun.front()) != std::string_view::npos;
  return fmt::format("{} {}", vowel ? "an" : "a", noun);
}

}  // namespace

Place YamlReader::place(const YAML::Node& node) const {
  const YAML::Mark mark = node.Mark();
  return {&file_, std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
}

void YamlReader::fail(const YAML::Node& node, std::string_view message) {
  fail(place(node), message);
}

void YamlReader::fail(const Place& place, std::string_view message) {
  problems_.add(place, message);
  good_ = false;
}

std::set<std::string> YamlReader::keys_of(const YAML::Node& item) {
  std::set<std::string> keys;
  for (const auto& entry : item) {
    if (entry.first.IsScalar()) keys.insert(entry.first.Scalar());
  }
  return keys;
}

bool YamlReader::read_keys(const YAML::Node& item, std::string_view kind, const std::vector<Key>& keys) {
  const bool good_before = std::exchange(good_, true);
  if (!item.IsMap()) fail(item, fmt::format("expected the keys of {}", with_article(kind)));
  std::vector<std::string_view> known;
  for (const Key& key : keys) known.push_back(key.name);
  std::set<std::string> seen;
  for (const auto& entry : item) {
    if (!item.IsMap()) break;
    if (!entry.first.IsScalar()) {
      fail(entry.first, "expected a key that is a word");
      continue;
    }
    const std::string& key_name = entry.first.Scalar();
    const auto key = std::ranges::find(keys, key_name, &Key::name);
    if (key == keys.end()) {
      fail(entry.first,
           fmt::format("{} has no key '{}'{}", with_article(kind), key_name, text::did_you_mean(key_name, known)));
    } else if (!seen.insert(key_name).second) {
      fail(entry.first, fmt::format("the key '{}' is there twice", key_name));
    } else {
      key->set(entry.second);
    }
  }
  for (const Key& key : keys) {
    if (item.IsMap() && key.required && !seen.contains(std::string(key.name))) {
      fail(item, fmt::format("this {} lacks the key '{}'", kind, key.name));
    }
  }
  const bool whole = good_;
  good_ = good_before && whole;
  return whole;
}

void YamlReader::read_items(const YAML::Node& node, std::string_view expected, const Setter& read) {
  if (!node.IsSequence()) return fail(node, fmt::format("expected {}", expected));
  if (node.size() > kSequenceItems) return fail(node, fmt::format("more than {} items", kSequenceItems));
  for (const YAML::Node& item : node) {
    if (!charge(item, kItemBytes)) return;
    read(item);
  }
}

bool YamlReader::charge(const YAML::Node& node, std::size_t bytes) {
  const bool had_room = bytes_ <= kBytesMade;
  bytes_ += bytes;
  if (bytes_ <= kBytesMade) return true;
  // Told once: everything that follows is too much as well.
  if (had_room) {
    fail(node, fmt::format("with its aliases written out, the file makes more than {} MiB", kBytesMade >> 20));
  }
  good_ = false;
  return false;
}

std::optional<SourceText> YamlReader::scalar(const YAML::Node& node) {
  if (!node.IsScalar()) {
    fail(node, "expected a text");
    return std::nullopt;
  }
  if (node.Scalar().size() > kTextBytes) {
    fail(node, fmt::format("the text is longer than {} bytes", kTextBytes));
    return std::nullopt;
  }
  if (!charge(node, node.Scalar().size() + sizeof(SourceText))) return std::nullopt;
  // yaml-cpp tags plain scalars "?" and quoted ones "!".
  return SourceText{node.Scalar(), place(node), node.Tag() == "!"};
}

YamlReader::Setter YamlReader::text(SourceText& target) {
  return [this, &target](const YAML::Node& node) {
    if (auto value = scalar(node)) target = *std::move(value);
  };
}

YamlReader::Setter YamlReader::name(SourceText& target) {
  return [this, &target](const YAML::Node& node) {
    auto value = scalar(node);
    if (!value) return;
    if (value->text.empty() || value->text.size() > kNameBytes) {
      return fail(node, fmt::format("a name has between 1 and {} bytes", kNameBytes));
    }
    target = *std::move(value);
  };
}

YamlReader::Setter YamlReader::texts(std::vector<SourceText>& target) {
  return [this, &target](const YAML::Node& node) {
    read_items(node, "a list of texts", [&](const YAML::Node& item) {
      if (auto value = scalar(item)) target.push_back(*std::move(value));
    });
  };
}

YamlReader::Setter YamlReader::one_or_more(std::vector<SourceText>& target) {
  return [this, &target](const YAML::Node& node) {
    if (!node.IsScalar()) return texts(target)(node);
    if (auto value = scalar(node)) target.push_back(*std::move(value));
  };
}

YamlReader::Setter YamlReader::flag(bool& target) {
  return [this, &target](const YAML::Node& node) {
    const std::string value = node.IsScalar() ? node.Scalar() : "";
    if (value != "true" && value != "false") return fail(node, "expected true or false");
    target = value == "true";
  };
}

}  // namespace bulkhead::detect
