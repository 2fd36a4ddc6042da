#include "collector/detect/event_reader.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>
#include <span>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/time/time.h"
#include "collector/detect/event_defaults.h"
#include "text/nearest_name.h"

namespace bulkhead::detect {
namespace {

namespace pb = google::protobuf;

constexpr std::size_t kMessageBytes = 256;

template <typename Number>
std::optional<Number> number_of(std::string_view word) {
  Number number{};
  const bool hexadecimal = word.starts_with("0x");
  if (hexadecimal) word.remove_prefix(2);
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number, hexadecimal ? 16 : 10);
  if (word.empty() || error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

// A MAC or an IP address as people write them, or base64 as protobuf's JSON does.
std::optional<std::string> bytes_of(const std::string& word) {
  std::string bytes;
  if (word.size() == 17 && word[2] == ':') {
    for (std::size_t i = 0; i < word.size(); i += 3) {
      const auto byte = number_of<std::uint8_t>("0x" + word.substr(i, 2));
      if (!byte || (i + 2 < word.size() && word[i + 2] != ':')) return std::nullopt;
      bytes += static_cast<char>(*byte);
    }
    return bytes;
  }
  char address[16];
  if (inet_pton(AF_INET, word.c_str(), address) == 1) return std::string(address, 4);
  if (inet_pton(AF_INET6, word.c_str(), address) == 1) return std::string(address, 16);
  if (!absl::Base64Unescape(word, &bytes)) return std::nullopt;
  return bytes;
}

// RFC 3339, or "+5s" after the time that events have by default.
bool set_time(const std::string& word, pb::Message& message) {
  absl::Time time = absl::FromUnixSeconds(kTestTime);
  if (word.starts_with("+")) {
    absl::Duration after;
    if (!absl::ParseDuration(word.substr(1), &after) || after < absl::ZeroDuration() || after > absl::Hours(24 * 366)) {
      return false;
    }
    time += after;
  } else if (!absl::ParseTime(absl::RFC3339_full, word, &time, nullptr) || time < absl::UnixEpoch() ||
             time > absl::FromUnixSeconds(kTestTime) + absl::Hours(24 * 36600)) {
    return false;
  }
  auto& stamp = static_cast<pb::Timestamp&>(message);
  const std::int64_t nanoseconds = absl::ToUnixNanos(time);
  stamp.set_seconds(nanoseconds / 1'000'000'000);
  stamp.set_nanos(static_cast<std::int32_t>(nanoseconds % 1'000'000'000));
  return true;
}

const pb::FieldDescriptor* field_of(const pb::Descriptor& message, const std::string& name) {
  const pb::FieldDescriptor* field = message.FindFieldByName(name);
  for (int i = 0; field == nullptr && i < message.field_count(); ++i) {
    if (message.field(i)->json_name() == name) return message.field(i);
  }
  return field;
}

class MessageReader {
 public:
  explicit MessageReader(YamlReader& reader) : reader_(reader) {}

  bool read(const YAML::Node& node, pb::Message& message) {
    if (!reader_.charge(node, kMessageBytes)) return false;
    if (message.GetDescriptor() == pb::Timestamp::descriptor()) return read_time(node, message);
    std::vector<YamlReader::Key> keys;
    const pb::Descriptor& descriptor = *message.GetDescriptor();
    // Both spellings of a name, so that suggestions are made from what people can write.
    for (int i = 0; i < descriptor.field_count(); ++i) {
      const pb::FieldDescriptor& field = *descriptor.field(i);
      const auto set = [this, &message, &field](const YAML::Node& value) { read_field(value, message, field); };
      keys.push_back({field.name(), false, set});
      if (field.json_name() != field.name()) keys.push_back({field.json_name(), false, set});
    }
    return reader_.read_keys(node, descriptor.name(), keys);
  }

 private:
  bool read_time(const YAML::Node& node, pb::Message& message) {
    const auto word = reader_.scalar(node);
    if (!word) return false;
    if (set_time(word->text, message)) return true;
    reader_.fail(node, fmt::format("'{}' is no time; expected one such as 2026-01-02T03:04:05Z, or +5s", word->text));
    return false;
  }

  void read_field(const YAML::Node& node, pb::Message& message, const pb::FieldDescriptor& field) {
    const pb::Reflection& reflection = *message.GetReflection();
    if (!field.is_repeated()) return read_value(node, message, field);
    // What is stated replaces the default.
    reflection.ClearField(&message, &field);
    reader_.read_items(node, "a list", [&](const YAML::Node& item) { read_value(item, message, field); });
  }

  void read_value(const YAML::Node& node, pb::Message& message, const pb::FieldDescriptor& field) {
    const pb::Reflection& reflection = *message.GetReflection();
    if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
      pb::Message& inner =
          field.is_repeated() ? *reflection.AddMessage(&message, &field) : *reflection.MutableMessage(&message, &field);
      read(node, inner);
      return;
    }
    const auto word = reader_.scalar(node);
    if (!word || set_scalar(word->text, message, field)) return;
    reader_.fail(node, fmt::format("'{}' does not fit '{}'{}", word->text, field.name(), expected(word->text, field)));
  }

  template <typename Number>
  bool set_number(std::optional<Number> number, pb::Message& message, const pb::FieldDescriptor& field,
                  void (pb::Reflection::*set)(pb::Message*, const pb::FieldDescriptor*, Number) const,
                  void (pb::Reflection::*add)(pb::Message*, const pb::FieldDescriptor*, Number) const) {
    if (!number) return false;
    (message.GetReflection()->*(field.is_repeated() ? add : set))(&message, &field, *number);
    return true;
  }

  bool set_scalar(const std::string& word, pb::Message& message, const pb::FieldDescriptor& field) {
    using F = pb::FieldDescriptor;
    using R = pb::Reflection;
    switch (field.cpp_type()) {
      case F::CPPTYPE_INT32:
        return set_number(number_of<std::int32_t>(word), message, field, &R::SetInt32, &R::AddInt32);
      case F::CPPTYPE_INT64:
        return set_number(number_of<std::int64_t>(word), message, field, &R::SetInt64, &R::AddInt64);
      case F::CPPTYPE_UINT32:
        return set_number(number_of<std::uint32_t>(word), message, field, &R::SetUInt32, &R::AddUInt32);
      case F::CPPTYPE_UINT64:
        return set_number(number_of<std::uint64_t>(word), message, field, &R::SetUInt64, &R::AddUInt64);
      case F::CPPTYPE_BOOL:
        if (word != "true" && word != "false") return false;
        return set_number(std::optional<bool>(word == "true"), message, field, &R::SetBool, &R::AddBool);
      case F::CPPTYPE_ENUM:
        return set_number(enum_number(word, *field.enum_type()), message, field, &R::SetEnumValue, &R::AddEnumValue);
      case F::CPPTYPE_STRING:
        return set_text(word, message, field);
      // event.proto has none of these.
      case F::CPPTYPE_DOUBLE:
      case F::CPPTYPE_FLOAT:
      case F::CPPTYPE_MESSAGE:
        return false;
    }
    return false;
  }

  bool set_text(const std::string& word, pb::Message& message, const pb::FieldDescriptor& field) {
    const auto value = field.type() == pb::FieldDescriptor::TYPE_BYTES ? bytes_of(word) : word;
    if (!value) return false;
    const pb::Reflection& reflection = *message.GetReflection();
    if (field.is_repeated()) {
      reflection.AddString(&message, &field, *value);
    } else {
      reflection.SetString(&message, &field, *value);
    }
    return true;
  }

  // `process_vm_read` as conditions have it, or MEMORY_OPERATION_PROCESS_VM_READ as protobuf's JSON does.
  static std::vector<std::string> names_of_value(const pb::EnumValueDescriptor& value) {
    const std::string& zero = value.type()->value(0)->name();
    const std::string_view prefix = std::string_view(zero).substr(0, zero.rfind('_') + 1);
    std::vector<std::string> names = {value.name()};
    if (value.number() != 0 && value.name().starts_with(prefix)) {
      names.push_back(absl::AsciiStrToLower(value.name().substr(prefix.size())));
    }
    return names;
  }

  static std::optional<int> enum_number(std::string_view word, const pb::EnumDescriptor& type) {
    for (int i = 0; i < type.value_count(); ++i) {
      for (const std::string& name : names_of_value(*type.value(i))) {
        if (name == word) return type.value(i)->number();
      }
    }
    return std::nullopt;
  }

  static std::string expected(std::string_view word, const pb::FieldDescriptor& field) {
    if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_ENUM) {
      std::vector<std::string> names;
      for (int i = 1; i < field.enum_type()->value_count(); ++i) {
        names.push_back(names_of_value(*field.enum_type()->value(i)).back());
      }
      return text::suggestion(word, std::vector<std::string_view>(names.begin(), names.end()));
    }
    if (field.type() == pb::FieldDescriptor::TYPE_BYTES) return "; expected a MAC, an IP address or base64";
    if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_BOOL) return "; expected true or false";
    return fmt::format("; expected a number of the type {}", field.cpp_type_name());
  }

  YamlReader& reader_;
};

}  // namespace

std::optional<v1::Event> read_event(YamlReader& reader, const YAML::Node& node, std::uint64_t number) {
  const pb::OneofDescriptor& payload = *v1::Event::descriptor()->FindOneofByName("payload");
  auto kind = v1::Event::PAYLOAD_NOT_SET;
  if (node.IsMap()) {
    for (const std::string& key : YamlReader::keys_of(node)) {
      const pb::FieldDescriptor* field = field_of(*v1::Event::descriptor(), key);
      if (field == nullptr || field->containing_oneof() != &payload) continue;
      if (kind != v1::Event::PAYLOAD_NOT_SET) {
        reader.fail(node, "an event is of one kind, and this says two");
        return std::nullopt;
      }
      kind = static_cast<v1::Event::PayloadCase>(field->number());
    }
  }
  v1::Event event = default_event(kind, number);
  if (!MessageReader(reader).read(node, event)) return std::nullopt;
  if (kind != v1::Event::PAYLOAD_NOT_SET) return event;
  std::vector<std::string_view> kinds;
  for (int i = 0; i < payload.field_count(); ++i) kinds.push_back(payload.field(i)->name());
  reader.fail(node, fmt::format("the event does not say what was seen: one of {}", fmt::join(kinds, ", ")));
  return std::nullopt;
}

}  // namespace bulkhead::detect
