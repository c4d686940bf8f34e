// Files: reading whole ones, mapping them, and writing so that a reader sees the old contents or the new, never half.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

#include "../core/tensor.hpp"

namespace inlay::inline v0_1::io {

namespace detail {

[[noreturn]] INLAY_COLD inline void fail(const char* operation, const std::string& path, int code) {
  throw io_error(operation, {"expected to ", operation, " ", path, ", got: ", std::strerror(code)});
}

// An open file; closed when it goes.
class descriptor {
 public:
  explicit descriptor(int number) noexcept : number_(number) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const noexcept { return number_; }
  int release() noexcept { return std::exchange(number_, -1); }

 private:
  int number_;
};

struct opened {
  std::unique_ptr<descriptor> file;
  std::size_t size;
};

INLAY_COLD inline opened open_regular(const std::string& path) {
  // O_NONBLOCK: opening a pipe that nobody writes would wait for ever; regular files do not mind.
  auto file = std::make_unique<descriptor>(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file->number() < 0) fail("read", path, errno);
  struct stat status {};
  if (::fstat(file->number(), &status) != 0) fail("read", path, errno);
  if (!S_ISREG(status.st_mode)) throw io_error("read", {"expected a regular file, got ", path});
  const auto size = static_cast<std::size_t>(status.st_size);
  return {std::move(file), size};
}

}  // namespace detail

INLAY_COLD inline bool exists(const std::string& path) noexcept {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

// A file from its beginning to its end, piece by piece.
class file_reader {
 public:
  // Throws io_error for what is no regular file, or cannot be read.
  INLAY_COLD explicit file_reader(std::string path) : path_(std::move(path)), in_(detail::open_regular(path_)) {}

  std::size_t size() const noexcept { return in_.size; }  // when it was opened

  // The next bytes; fewer than there is room for only at the end of the file. Throws io_error.
  INLAY_COLD std::size_t read(std::span<std::uint8_t> to) {
    std::size_t done = 0;
    while (done < to.size()) {
      const ssize_t count = ::read(in_.file->number(), to.data() + done, to.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) detail::fail("read", path_, errno);
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    return done;
  }

 private:
  std::string path_;
  detail::opened in_;
};

// The bytes of a file. Throws io_error.
INLAY_COLD inline tensor<std::uint8_t> read_file(const std::string& path) {
  file_reader in(path);
  tensor<std::uint8_t> bytes = empty<std::uint8_t>({static_cast<std::int64_t>(in.size())});
  const std::size_t count = in.read({inlay::detail::writable(bytes), in.size()});
  if (count < in.size())
    throw io_error("read",
                   {"expected ", in.size(), " bytes in ", path, ", got ", count, "; was it truncated meanwhile?"});
  return bytes;
}

// The same bytes without copying: pages are read when they are touched, and shared between processes. A file that is
// truncated while it is mapped ends the program with SIGBUS, so this is for files that nobody changes. Where files
// cannot be mapped, they are read.
INLAY_COLD inline tensor<std::uint8_t> map_file(const std::string& path) {
#if __has_include(<sys/mman.h>)
  const detail::opened in = detail::open_regular(path);
  const std::size_t size = in.size;
  if (size == 0) return {};
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, in.file->number(), 0);
  if (at != MAP_FAILED) {
    const std::shared_ptr<const void> owner(at, [size](void* mapped) { ::munmap(mapped, size); });
    return tensor<std::uint8_t>::foreign(static_cast<const std::uint8_t*>(at), {static_cast<std::int64_t>(size)},
                                         owner);
  }
  if (errno != ENODEV) detail::fail("map", path, errno);  // ENODEV: the file system has no mappings
#endif
  return read_file(path);
}

// Writes a file under another name beside it, and puts it in place with commit(): synced to disk, then renamed. Until
// then, and when anything fails, the old file is untouched and nothing is left behind. A link is replaced, not
// followed.
class atomic_writer {
 public:
  INLAY_COLD explicit atomic_writer(std::string path) : path_(std::move(path)), file_(create()) {
    if (file_.number() < 0) detail::fail("write", path_, errno);
  }
  atomic_writer(const atomic_writer&) = delete;
  atomic_writer& operator=(const atomic_writer&) = delete;
  ~atomic_writer() {
    if (!committed_ && created_) ::unlink(temporary_.c_str());
  }

  void write(std::span<const std::uint8_t> bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
      const ssize_t count = ::write(file_.number(), bytes.data() + done, bytes.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) detail::fail("write", path_, errno);
      done += static_cast<std::size_t>(count);
    }
  }
  void write(std::string_view text) { write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}); }

  INLAY_COLD void commit() {
    if (::fsync(file_.number()) != 0) detail::fail("write", path_, errno);
    if (::close(file_.release()) != 0) detail::fail("write", path_, errno);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) detail::fail("write", path_, errno);
    committed_ = true;
    sync_folder();
  }

 private:
  // The new file has the permissions of the one it will replace, from its first byte on. Its name is new: a process
  // that was killed may have left one of the same number (in a container they all have the same).
  INLAY_COLD int create() {
    static constinit std::atomic<unsigned> count{0};
    struct stat old {};
    const bool replaces = ::stat(path_.c_str(), &old) == 0;
    if (replaces && !S_ISREG(old.st_mode))
      throw io_error("write", {"expected a regular file or a new name, got ", path_});
    const mode_t mode = replaces ? old.st_mode & 07777 : 0666;
    int number = -1;
    do {
      temporary_ = path_ + ".tmp" + std::to_string(::getpid()) + "-" + std::to_string(count.fetch_add(1));
      number = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    } while (number < 0 && errno == EEXIST);
    if (number >= 0 && replaces) ::fchmod(number, mode);  // whatever the umask is
    return number;
  }

  // Makes the rename itself last; file systems that cannot do it are left alone.
  void sync_folder() const {
    const std::size_t slash = path_.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path_.substr(0, slash);
    const detail::descriptor at(::open(folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
    if (at.number() >= 0) ::fsync(at.number());
  }

  std::string path_, temporary_;
  detail::descriptor file_;
  bool created_ = file_.number() >= 0, committed_ = false;
};

}  // namespace inlay::inline v0_1::io
