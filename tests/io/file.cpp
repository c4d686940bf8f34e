// Shows: files written atomically, read or mapped
// Files: whole ones come as they are, copied or mapped; a written one is there wholly or not at all, the old one stays
// when anything fails, and nothing else is left in the folder.
#include <inlay/io/file.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>

#include "files.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

using names = std::vector<std::string>;
struct reader {
  std::string name;
  tensor<std::uint8_t> (*read)(const std::string&);
};
const reader readers[] = {{"read_file", io::read_file}, {"map_file", io::map_file}};

struct bad_path {
  std::string path, why;
};

std::string text_of(const tensor<std::uint8_t>& t) {
  return {reinterpret_cast<const char*>(t.data()), static_cast<std::size_t>(t.size())};
}

std::string noise_text(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(support::noise(i));
  return out;
}

// The message of the io_error that f() throws, or nothing.
template <class F> std::string failure(F f) {
  try {
    f();
    return "";
  } catch (const io_error& e) {
    return e.what();
  }
}

void replace(const std::string& path, std::string_view text) {
  io::atomic_writer out(path);
  out.write(text);
  out.commit();
}

unsigned permissions(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

// No file may grow beyond `bytes`: what a full disk looks like to the program.
class file_size_limit {
 public:
  explicit file_size_limit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
  }
  ~file_size_limit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

// Root may write anywhere, so it steps down for as long as this lives.
class ordinary_user {
 public:
  ordinary_user() : was_(::geteuid()) { stepped_down_ = was_ == 0 && ::seteuid(65534) == 0; }
  ~ordinary_user() {
    if (stepped_down_ && ::seteuid(was_) != 0) std::abort();
  }

 private:
  uid_t was_;
  bool stepped_down_ = false;
};

}  // namespace

TEST_CASE("exists: files and folders that are there") {
  const support::temporary_folder folder;
  CHECK(io::exists(folder.path()));
  CHECK_FALSE(io::exists(folder / "a"));
  support::write_bytes(folder / "a", "");
  CHECK(io::exists(folder / "a"));
  CHECK_FALSE(io::exists(folder / "a/b"));
  CHECK_FALSE(io::exists(""));
}

TEST_CASE("read_file, map_file: the bytes of a file, of any size") {
  const support::temporary_folder folder;
  for (const reader& r : readers)
    for (const std::size_t size : {0u, 1u, 4095u, 4096u, 4097u, 1000000u}) {
      INFO(r.name, " of ", size);
      const std::string path = folder / "f", text = noise_text(size);
      support::write_bytes(path, text);
      const tensor<std::uint8_t> bytes = r.read(path);
      CHECK(bytes.shape() == shape{static_cast<std::int64_t>(size)});
      CHECK(text_of(bytes) == text);
    }
}

TEST_CASE("file_reader: pieces of any size, and the end") {
  const support::temporary_folder folder;
  const std::string path = folder / "f", text = noise_text(10000);
  support::write_bytes(path, text);
  for (const std::size_t piece : {1u, 999u, 1000u, 10000u, 10001u}) {
    io::file_reader in(path);
    CHECK(in.size() == text.size());
    std::vector<std::uint8_t> buffer(piece);
    std::string got;
    std::size_t count = piece;
    while (count == piece) {
      count = in.read(buffer);
      got.append(reinterpret_cast<const char*>(buffer.data()), count);
    }
    CHECK(got == text);
    CHECK(in.read(buffer) == 0);
  }
  CHECK(failure([&] { io::file_reader(folder / "none"); }).find("[read] expected to read ") == 0);
}

TEST_CASE("map_file: a value like any other, that outlives the file's name and never writes into it") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  support::write_bytes(path, "abc");
  tensor<std::uint8_t> mapped = io::map_file(path);
  const tensor<std::uint8_t> other = mapped;
  CHECK(other.shares_memory_with(mapped));
  mapped(0) = 'x';
  CHECK(text_of(mapped) == "xbc");
  CHECK(text_of(other) == "abc");
  CHECK(support::read_bytes(path) == "abc");
  REQUIRE(std::remove(path.c_str()) == 0);
  CHECK(text_of(other) == "abc");
}

TEST_CASE("read_file, map_file: what is no readable file is an error that names it, without waiting") {
  const support::temporary_folder folder;
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  support::write_bytes(folder / "secret", "abc");
  REQUIRE(::chmod((folder / "secret").c_str(), 0) == 0);
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0666) == 0);
  REQUIRE(::symlink("nowhere", (folder / "dangling").c_str()) == 0);
  const bad_path table[] = {
      {folder / "missing", "No such file"},       {folder / "dangling", "No such file"},
      {folder / "missing/f", "No such file"},     {"", "No such file"},
      {folder.path(), "expected a regular file"}, {folder / "pipe", "expected a regular file"},
      {"/dev/null", "expected a regular file"},   {folder / std::string(300, 'x'), "too long"},
      {folder / "secret", "Permission denied"},
  };
  const ordinary_user user;
  for (const reader& r : readers)
    for (const bad_path& bad : table) {
      INFO(r.name, " of ", bad.path);
      const std::string message = failure([&] { r.read(bad.path); });
      CHECK(message.starts_with("[read] expected "));
      CHECK(message.find(bad.path) != std::string::npos);
      CHECK(message.find(bad.why) != std::string::npos);
    }
}

TEST_CASE("atomic_writer: the old contents until commit(), the new ones after it") {
  const support::temporary_folder folder;
  const std::string path = folder / "f", text = noise_text(300000);
  for (const char* old : {"", "old"}) {
    {
      io::atomic_writer out(path);
      out.write(text);
      out.write(std::string_view());
      out.write("end");
      CHECK(folder.names().size() == (*old == '\0' ? 1u : 2u));
      if (*old != '\0') CHECK(support::read_bytes(path) == old);
      out.commit();
    }
    CHECK(support::read_bytes(path) == text + "end");
    CHECK(folder.names() == names{"f"});
    replace(path, "old");
    CHECK(support::read_bytes(path) == "old");
  }
}

TEST_CASE("atomic_writer: a writer that goes without commit() leaves everything as it was") {
  const support::temporary_folder folder;
  for (const bool there : {false, true}) {
    if (there) support::write_bytes(folder / "f", "old");
    const names before = folder.names();
    { io::atomic_writer out(folder / "f"); }
    {
      io::atomic_writer out(folder / "f");
      out.write("new");
    }
    CHECK(folder.names() == before);
    if (there) CHECK(support::read_bytes(folder / "f") == "old");
  }
}

TEST_CASE("atomic_writer: several at once do not meet; the last commit() stays") {
  const support::temporary_folder folder;
  io::atomic_writer first(folder / "f"), second(folder / "f");
  first.write("first");
  second.write("second");
  second.commit();
  CHECK(support::read_bytes(folder / "f") == "second");
  first.commit();
  CHECK(support::read_bytes(folder / "f") == "first");
  CHECK(folder.names() == names{"f"});
}

TEST_CASE("atomic_writer: what a killed process left does not stand in the way") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  std::string name;
  {
    io::atomic_writer out(path);
    name = folder.names().at(0);
  }
  const std::size_t dash = name.rfind('-');
  const unsigned long last = std::stoul(name.substr(dash + 1));
  names expected{"f"};
  for (unsigned long i = 1; i <= 3; ++i) {
    expected.push_back(name.substr(0, dash + 1) + std::to_string(last + i));
    support::write_bytes(folder / expected.back(), "left");
  }
  replace(path, "new");
  CHECK(support::read_bytes(path) == "new");
  std::sort(expected.begin(), expected.end());
  CHECK(folder.names() == expected);
  for (std::size_t i = 1; i < expected.size(); ++i) CHECK(support::read_bytes(folder / expected[i]) == "left");
}

TEST_CASE("atomic_writer: a full disk") {
  const support::temporary_folder folder;
  const std::string path = folder / "f", text = noise_text(100000);
  for (const bool there : {false, true}) {
    if (there) support::write_bytes(path, "old");
    const names before = folder.names();
    for (const rlim_t room : {rlim_t{0}, rlim_t{1}, rlim_t{4096}, rlim_t{99999}}) {
      std::string message;
      {
        const file_size_limit limit(room);
        message = failure([&] { replace(path, text); });
      }
      INFO("room for ", room);
      CHECK(message == "[write] expected to write " + path + ", got: File too large");
      CHECK(folder.names() == before);
      if (there) CHECK(support::read_bytes(path) == "old");
    }
    const file_size_limit enough(text.size());
    CHECK_NOTHROW(replace(path, text));
  }
}

TEST_CASE("atomic_writer: where nothing can be written") {
  const support::temporary_folder folder, unwritable;
  REQUIRE(::chmod(folder.path().c_str(), 0777) == 0);
  support::write_bytes(unwritable / "f", "old");
  REQUIRE(::chmod(unwritable.path().c_str(), 0555) == 0);
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0666) == 0);
  const bad_path table[] = {
      {folder.path(), "a regular file"},
      {folder / "pipe", "a regular file"},
      {unwritable / "f", "Permission denied"},
      {unwritable / "new", "Permission denied"},
      {folder / std::string(250, 'x'), "too long"},
      {folder / "missing/f", "No such file"},
  };
  for (const bad_path& bad : table) {
    std::string message;
    {
      const ordinary_user user;
      message = failure([&] { replace(bad.path, "new"); });
    }
    INFO(bad.path);
    CHECK(message.starts_with("[write] expected "));
    CHECK(message.find(bad.path) != std::string::npos);
    CHECK(message.find(bad.why) != std::string::npos);
  }
  CHECK(folder.names() == names{"pipe"});
  CHECK(unwritable.names() == names{"f"});
  CHECK(support::read_bytes(unwritable / "f") == "old");
}

TEST_CASE("atomic_writer: a replaced file keeps its permissions, a new one has the usual ones") {
  const support::temporary_folder folder;
  const mode_t before = ::umask(027);
  replace(folder / "new", "x");
  CHECK(permissions(folder / "new") == 0640);
  for (const unsigned mode : {0600u, 0666u, 0444u, 0755u}) {
    INFO("mode ", mode);
    support::write_bytes(folder / "f", "old");
    REQUIRE(::chmod((folder / "f").c_str(), mode) == 0);
    io::atomic_writer out(folder / "f");
    CHECK(permissions(folder / folder.names()[1]) == mode);  // nobody may read the unfinished file either
    out.commit();
    CHECK(permissions(folder / "f") == mode);
    std::remove((folder / "f").c_str());
  }
  ::umask(before);
}

TEST_CASE("atomic_writer: a link is replaced by the file; what it pointed to stays") {
  const support::temporary_folder folder;
  support::write_bytes(folder / "target", "old");
  for (const char* target : {"target", "nowhere"}) {
    INFO("link to ", target);
    REQUIRE(::symlink(target, (folder / "link").c_str()) == 0);
    replace(folder / "link", "new");
    struct stat status {};
    REQUIRE(::lstat((folder / "link").c_str(), &status) == 0);
    CHECK(S_ISREG(status.st_mode));
    CHECK(support::read_bytes(folder / "link") == "new");
    CHECK(support::read_bytes(folder / "target") == "old");
    CHECK(folder.names() == names{"link", "target"});
    std::remove((folder / "link").c_str());
  }
}

TEST_CASE("atomic_writer: a name without a folder is a file of the working folder") {
  const support::temporary_folder folder;
  const std::string before = [] {
    char path[4096];
    return std::string(::getcwd(path, sizeof path));
  }();
  REQUIRE(::chdir(folder.path().c_str()) == 0);
  const std::string message = failure([] { replace("f", "here"); });
  REQUIRE(::chdir(before.c_str()) == 0);
  CHECK(message.empty());
  CHECK(support::read_bytes(folder / "f") == "here");
}
