#include "agent/inventory/image_chain.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <deque>
#include <set>
#include <tuple>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "agent/inventory/image_name.h"

namespace bulkhead::inventory {
namespace {

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileKind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::kRegular;
  return S_ISBLK(mode) ? FileKind::kBlockDevice : FileKind::kOther;
}

std::string read_at(int file, std::uint64_t offset, std::size_t length) {
  std::string bytes(length, '\0');
  std::size_t done = 0;
  while (done < length && offset <= static_cast<std::uint64_t>(INT64_MAX) - length) {
    const ssize_t count = ::pread(file, bytes.data() + done, length - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

std::string real_path_of(const std::string& descriptor) {
  std::array<char, PATH_MAX> text{};
  const ssize_t length = ::readlink(descriptor.c_str(), text.data(), text.size());
  return length <= 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(length));
}

std::string directory_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

class Follower {
 public:
  explicit Follower(HeaderCache& cache) : cache_(cache) {}

  ImageChain follow(const std::string& path, const std::string& format) {
    ImageHeader header;
    const auto top = cache_.look(path, format, header);
    if (!top.ok()) return {.images = {}, .problem = std::string(top.status().message())};
    names_.insert(path);
    files_.emplace(top->device, top->inode);
    take(header, path, true);
    while (!waiting_.empty()) {
      const std::size_t next = waiting_.front();
      waiting_.pop_front();
      visit(next);
    }
    return std::move(chain_);
  }

 private:
  // What the header of the image at `path` names. `top`: of the image that the guest writes to.
  void take(const ImageHeader& header, const std::string& path, bool top) {
    if (!header.problem.empty() && chain_.problem.empty()) {
      chain_.problem = absl::StrCat(printable_name(path), ": ", header.problem);
    }
    for (const ImageReference& reference : header.references) {
      for (ImagePlace& place : places_of(reference.name, directory_of(path))) {
        if (!names_.insert(place.path.empty() ? place.identity : place.path).second) continue;
        if (chain_.images.size() >= kMaxChain) {
          chain_.problem = absl::StrCat("it leads to more than ", kMaxChain, " images");
          return;
        }
        const bool is_file = !place.path.empty();
        chain_.images.push_back({.source = is_file ? printable_name(place.path) : place.identity,
                                 .path = place.path,
                                 .format = printable_name(reference.format),
                                 .role = std::string(name_of(reference.role)),
                                 .image = printable_name(path),
                                 .written = top && reference.role != ImageRole::kBackingFile});
        if (is_file) waiting_.push_back(chain_.images.size() - 1);
      }
    }
  }

  void visit(std::size_t index) {
    // A reference into the vector would not outlive take().
    const std::string path = chain_.images[index].path;
    ImageHeader header;
    const auto file = cache_.look(path, chain_.images[index].format, header);
    ChainImage& image = chain_.images[index];
    if (!file.ok()) {
      image.problem = std::string(file.status().message());
      return;
    }
    image.real_path = file->real_path;
    if (image.format.empty()) image.format = header.format;
    if (file->kind == FileKind::kOther) {
      image.problem = "neither a file nor a block device";
    } else if (!files_.emplace(file->device, file->inode).second) {
      image.problem = "the chain was there before";
    } else {
      take(header, path, false);
    }
  }

  HeaderCache& cache_;
  ImageChain chain_;
  std::deque<std::size_t> waiting_;  // of chain_.images
  std::set<std::string> names_;
  std::set<std::pair<dev_t, ino_t>> files_;
};

}  // namespace

absl::StatusOr<ImageFile> HeaderCache::look(const std::string& path, const std::string& format, ImageHeader& header) {
  // Opening for reading would wait for a FIFO's other end and start a device: first see what it is.
  const int found = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (found < 0) return absl::ErrnoToStatus(errno, printable_name(path));
  const absl::Cleanup close_found = [found] { ::close(found); };
  struct stat status{};
  if (::fstat(found, &status) != 0) return absl::ErrnoToStatus(errno, printable_name(path));
  const std::string descriptor = absl::StrCat("/proc/self/fd/", found);
  const ImageFile file = {.kind = kind_of(status.st_mode),
                          .real_path = real_path_of(descriptor),
                          .device = status.st_dev,
                          .inode = status.st_ino,
                          .size = status.st_size,
                          .modified_ns = nanoseconds(status.st_mtim),
                          .changed_ns = nanoseconds(status.st_ctim)};
  if (file.kind == FileKind::kOther || !can_name_others(format)) return file;
  {
    const std::lock_guard lock(mutex_);
    const auto known = entries_.find(path);
    // A block device's node does not show when its content changes.
    if (known != entries_.end() && file.kind == FileKind::kRegular && known->second.file == file &&
        known->second.asked_format == format) {
      header = known->second.header;
      return file;
    }
  }
  const int opened = ::open(descriptor.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (opened < 0) return absl::ErrnoToStatus(errno, printable_name(path));
  const absl::Cleanup close_opened = [opened] { ::close(opened); };
  header = read_image_header(
      [opened](std::uint64_t offset, std::size_t length) { return read_at(opened, offset, length); }, format);
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kMaxEntries) entries_.clear();
  entries_.insert_or_assign(path, Entry{file, format, header});
  return file;
}

ImageChain follow_chain(const std::string& path, const std::string& format, HeaderCache& cache) {
  return Follower(cache).follow(path, format);
}

}  // namespace bulkhead::inventory
