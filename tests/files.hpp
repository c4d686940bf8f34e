// What tests of files share: a folder that goes with its object, and whole files in one call.
#pragma once

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace support {

// An empty folder of its own in the system's folder for temporary files; its files are removed with it.
class temporary_folder {
 public:
  temporary_folder() {
    const char* base = std::getenv("TMPDIR");
    path_ = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/inlay-test-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no folder for temporary files: " + path_);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder() {
    ::chmod(path_.c_str(), 0700);
    for (const std::string& name : names()) std::remove((*this / name).c_str());
    ::rmdir(path_.c_str());
  }

  const std::string& path() const noexcept { return path_; }
  std::string operator/(std::string_view name) const { return path_ + '/' + std::string(name); }

  // What lies in it, sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    DIR* folder = ::opendir(path_.c_str());
    if (folder == nullptr) return out;
    while (const dirent* entry = ::readdir(folder))
      if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
        out.emplace_back(entry->d_name);
    ::closedir(folder);
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  std::string path_;
};

// Makes a new file; one of this name goes (some file systems wait for the disk when an old file is cut and written).
inline void write_bytes(const std::string& path, std::string_view bytes) {
  std::remove(path.c_str());
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) throw std::runtime_error("cannot write " + path);
  const bool whole = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  if (std::fclose(file) != 0 || !whole) throw std::runtime_error("cannot write " + path);
}

inline std::string read_bytes(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) throw std::runtime_error("cannot read " + path);
  std::string out;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) out += static_cast<char>(c);
  std::fclose(file);
  return out;
}

// The number as eight bytes, lowest first.
inline std::string u64_bytes(std::uint64_t value) {
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
  return out;
}

}  // namespace support
