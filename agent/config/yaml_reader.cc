#include "agent/config/yaml_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/ranges.h>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "text/nearest_name.h"
#include "text/yaml_document.h"

namespace bulkhead::config {
namespace {

std::string position(std::string_view file, const YAML::Mark& mark) {
  if (mark.is_null()) return fmt::format("{}:1:1: ", file);
  return fmt::format("{}:{}:{}: ", file, mark.line + 1, mark.column + 1);
}

std::string kind_of(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
      return "nothing";
    case YAML::NodeType::Scalar:
      return fmt::format("'{}'", node.Scalar().substr(0, 64));
    case YAML::NodeType::Sequence:
      return "a list";
    case YAML::NodeType::Map:
      return "a mapping";
  }
  return "something else";
}

absl::Status expected(const YamlValue& value, std::string_view what, std::string_view type) {
  return error_at(value,
                  fmt::format("{} must be {}, not {}", what.empty() ? "the file" : what, type, kind_of(value.node)));
}

// Quotes make a string of what would otherwise be a number or a truth value.
bool is_plain_scalar(const YAML::Node& node) {
  return node.IsScalar() && node.Tag() != "!";
}

absl::Status system_error(const std::string& path, std::string_view action) {
  return absl::ErrnoToStatus(errno, fmt::format("{}: cannot {}", path, action));
}

}  // namespace

absl::Status error_at(const YamlValue& value, std::string_view cause) {
  return absl::InvalidArgumentError(fmt::format("{}{}", position(value.file, value.node.Mark()), cause));
}

absl::Status error_at(const YamlValue& value, const absl::Status& cause) {
  return cause.ok() ? cause : error_at(value, std::string(cause.message()));
}

absl::StatusOr<std::string> read_text_file(const std::string& path) {
  // Non-blocking: a FIFO in the place of a file must not make the agent hang.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return system_error(path, "open");
  const absl::Cleanup close_file = [fd] { ::close(fd); };
  struct stat status{};
  if (::fstat(fd, &status) != 0) return system_error(path, "stat");
  if (!S_ISREG(status.st_mode)) return absl::InvalidArgumentError(fmt::format("{}: is not a regular file", path));
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(path, "read");
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > kMaxYamlBytes) {
      return absl::InvalidArgumentError(fmt::format("{}: is larger than {} MiB", path, kMaxYamlBytes >> 20));
    }
  }
}

absl::StatusOr<YAML::Node> parse_yaml(std::string_view bytes, std::string_view file) {
  if (bytes.size() > kMaxYamlBytes) {
    return absl::InvalidArgumentError(fmt::format("{}:1:1: is larger than {} MiB", file, kMaxYamlBytes >> 20));
  }
  try {
    const std::string document(bytes);
    if (const std::optional<YAML::Mark> second = text::second_document(document)) {
      return absl::InvalidArgumentError(
          fmt::format("{}a second document: the file must be one document", position(file, *second)));
    }
    return YAML::Load(document);
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(fmt::format("{}{}", position(file, error.mark), error.msg));
  }
}

absl::Status read_string(const YamlValue& value, std::string_view what, std::string& target) {
  if (!value.node.IsScalar()) return expected(value, what, "a string");
  target = value.node.Scalar();
  return absl::OkStatus();
}

absl::Status read_bool(const YamlValue& value, std::string_view what, bool& target) {
  const std::string text = is_plain_scalar(value.node) ? value.node.Scalar() : "";
  if (text != "true" && text != "false") return expected(value, what, "true or false");
  target = text == "true";
  return absl::OkStatus();
}

absl::Status read_unsigned(const YamlValue& value, std::string_view what, std::uint64_t& target) {
  const std::string text = is_plain_scalar(value.node) ? value.node.Scalar() : "";
  const bool digits =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || !absl::SimpleAtoi(text, &target)) return expected(value, what, "a whole number");
  return absl::OkStatus();
}

absl::Status read_duration(const YamlValue& value, std::string_view what, std::chrono::milliseconds& target) {
  absl::Duration duration;
  if (!value.node.IsScalar() || !absl::ParseDuration(value.node.Scalar(), &duration) ||
      duration == absl::InfiniteDuration() || duration < absl::ZeroDuration()) {
    return expected(value, what, "a time with its unit, such as 500ms, 2s or 1m");
  }
  target = absl::ToChronoMilliseconds(duration);
  return absl::OkStatus();
}

absl::Status read_word(const YamlValue& value, std::string_view what, std::span<const std::string_view> words,
                       std::size_t& target) {
  if (!value.node.IsScalar()) return expected(value, what, fmt::format("one of {}", fmt::join(words, ", ")));
  const auto found = std::find(words.begin(), words.end(), value.node.Scalar());
  if (found == words.end()) {
    return error_at(value, fmt::format("{}: unknown value {}{}", what, kind_of(value.node),
                                       text::suggestion(value.node.Scalar(), words)));
  }
  target = static_cast<std::size_t>(found - words.begin());
  return absl::OkStatus();
}

absl::Status expect_list(const YamlValue& value, std::string_view what) {
  return value.node.IsSequence() ? absl::OkStatus() : expected(value, what, "a list");
}

absl::Status expect_map(const YamlValue& value, std::string_view what, std::span<const std::string_view> known) {
  if (!value.node.IsMap()) return expected(value, what, "a mapping");
  std::set<std::string> seen;
  for (const auto& entry : value.node) {
    const YamlValue key = value.with(entry.first);
    if (!entry.first.IsScalar()) return expected(key, "a key", "a string");
    const std::string name = entry.first.Scalar();
    const std::string in = what.empty() ? "" : fmt::format(" in {}", what);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return error_at(key, fmt::format("unknown key '{}'{}{}", name.substr(0, 64), in, text::suggestion(name, known)));
    }
    if (!seen.insert(name).second) return error_at(key, fmt::format("key '{}'{} is there twice", name, in));
  }
  return absl::OkStatus();
}

}  // namespace bulkhead::config
