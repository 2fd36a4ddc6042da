// YAML mappings to plain structs, key by key: what is not known, not there or of another shape is a problem with its
// place. Private to this folder.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "collector/detect/rule_set.h"
#include "collector/detect/source_text.h"

namespace bulkhead::detect {

class YamlReader {
 public:
  using Setter = std::function<void(const YAML::Node&)>;
  struct Key {
    std::string_view name;
    bool required = false;
    Setter set;
  };

  static constexpr std::size_t kSequenceItems = 20000;

  // Both must outlive the reader and what it reads.
  YamlReader(const RuleFile& file, Problems& problems) : file_(file), problems_(problems) {}

  Place place(const YAML::Node& node) const;
  // Since the last read_keys() began, nothing was wrong.
  bool good() const { return good_; }
  void fail(const YAML::Node& node, std::string_view message);
  void fail(const Place& place, std::string_view message);

  // The keys of a mapping that are words. Not by operator[]: that would look at values of any key.
  static std::set<std::string> keys_of(const YAML::Node& item);
  // False when a required key is not there or anything has an unusable value: such an item would only cause errors that
  // follow. `kind` is what messages call the mapping. May be called again from a setter.
  bool read_keys(const YAML::Node& item, std::string_view kind, const std::vector<Key>& keys);
  // Calls `read` for each item of a list.
  void read_items(const YAML::Node& node, std::string_view expected, const Setter& read);

  // Counts what is made of a node, so that aliases cannot fill the memory; false, and a problem, when it is too much.
  bool charge(const YAML::Node& node, std::size_t bytes);
  // Nothing, and a problem, when the node is no text or too long, or when the file makes too much of its aliases.
  std::optional<SourceText> scalar(const YAML::Node& node);

  Setter text(SourceText& target);
  // Between 1 and 128 bytes.
  Setter name(SourceText& target);
  Setter texts(std::vector<SourceText>& target);
  // One text stands for a list of one.
  Setter one_or_more(std::vector<SourceText>& target);
  Setter flag(bool& target);

 private:
  const RuleFile& file_;
  Problems& problems_;
  bool good_ = true;
  std::size_t bytes_ = 0;
};

}  // namespace bulkhead::detect
