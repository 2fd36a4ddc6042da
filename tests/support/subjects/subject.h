// What every subject does alike. A subject is a small program that commits one act for real, so that the probes are
// tested against the kernel's own behaviour.
//
// stdout: with --wait first "ready <pid>" (it then waits for a line on stdin), then one line that starts with "done" or
// "refused". Exit status: 0 the act was done; 1 the kernel refused it; 2 wrong usage.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace subject {

constexpr int kDone = 0;
constexpr int kRefused = 1;
constexpr int kUsage = 2;

// Command line: words that start with "--" are flags ("--name" or "--name=value"), the others are positional.
class Arguments {
 public:
  Arguments(int argc, char** argv, const char* usage) : usage_(usage) {
    for (int i = 1; i < argc; ++i) {
      const std::string word = argv[i];
      (word.rfind("--", 0) == 0 ? flags_ : words_).push_back(word);
    }
    if (flag("help")) {
      std::printf("%s\n", usage_);
      std::exit(kDone);
    }
  }

  [[noreturn]] void fail() const {
    std::fprintf(stderr, "usage: %s\n", usage_);
    std::exit(kUsage);
  }

  const std::string& word(size_t index) const {
    if (index >= words_.size()) fail();
    return words_[index];
  }

  size_t words() const { return words_.size(); }

  bool flag(const std::string& name) const {
    for (const std::string& flag : flags_)
      if (flag == "--" + name) return true;
    return false;
  }

  std::string value(const std::string& name, const std::string& otherwise) const {
    for (const std::string& flag : flags_)
      if (flag.rfind("--" + name + "=", 0) == 0) return flag.substr(name.size() + 3);
    return otherwise;
  }

  // Decimal, or hexadecimal with 0x.
  uint64_t number(const std::string& text) const {
    char* end = nullptr;
    errno = 0;
    const uint64_t number = std::strtoull(text.c_str(), &end, 0);
    if (errno != 0 || end == text.c_str() || *end != '\0') fail();
    return number;
  }

  uint64_t word_number(size_t index) const { return number(word(index)); }

  // With --wait: says who we are and holds the act back until a line comes (or stdin ends).
  void wait_for_go() const {
    if (!flag("wait")) return;
    std::printf("ready %d\n", getpid());
    std::fflush(stdout);
    for (int c = std::getchar(); c != '\n' && c != EOF; c = std::getchar()) {
    }
  }

 private:
  const char* usage_;
  std::vector<std::string> flags_;
  std::vector<std::string> words_;
};

[[gnu::format(printf, 1, 2)]] inline int done(const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  std::printf("done ");
  std::vprintf(format, arguments);
  std::printf("\n");
  va_end(arguments);
  std::fflush(stdout);
  return kDone;
}

// `error` is an errno.
inline int refused(const char* act, int error) {
  std::printf("refused %s: %s (errno %d)\n", act, std::strerror(error), error);
  std::fflush(stdout);
  return kRefused;
}

}  // namespace subject
