// PNG and JPEG files as tensors, and folders of them as datasets. Brings stb_image (headers alone, nothing to link),
// compiled into a namespace of its own: the host may use its own stb, implemented in another source. Sizes are
// checked before pixels are unpacked; yet stb_image is not made for files from an enemy.
#pragma once

#ifdef stbi__err
#error "include inlay/image.hpp in another source than the one that implements stb_image"
#endif

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "data/dataset.hpp"
#include "data/resize.hpp"
#include "io/file.hpp"

namespace inlay::inline v0_1::data::detail {

// Most bytes stb_image may allocate at once: a small image may be told to unpack to gigabytes.
inline constinit thread_local std::size_t stb_limit = 0;
inline void* stb_allocate(void* old, std::size_t bytes) noexcept {
  return bytes > stb_limit ? nullptr : ::realloc(old, bytes);
}
[[noreturn]] INLAY_COLD inline void stb_broken() {
  throw io_error("read_image", {"expected a sound image, got one that stb_image does not understand"});
}

}  // namespace inlay::inline v0_1::data::detail

#pragma GCC diagnostic push
#ifdef __clang__
#pragma clang diagnostic ignored "-Weverything"
#else
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#pragma push_macro("STBI_INCLUDE_STB_IMAGE_H")
#pragma push_macro("INCLUDE_STB_IMAGE_WRITE_H")
#pragma push_macro("STB_IMAGE_IMPLEMENTATION")
#pragma push_macro("STB_IMAGE_WRITE_IMPLEMENTATION")
#pragma push_macro("STB_IMAGE_STATIC")
#pragma push_macro("STB_IMAGE_WRITE_STATIC")
#pragma push_macro("STBIDEF")
#pragma push_macro("STBIWDEF")
#undef STBI_INCLUDE_STB_IMAGE_H
#undef INCLUDE_STB_IMAGE_WRITE_H
#undef STB_IMAGE_IMPLEMENTATION
#undef STB_IMAGE_WRITE_IMPLEMENTATION
#undef STB_IMAGE_STATIC
#undef STB_IMAGE_WRITE_STATIC
#undef STBIDEF
#undef STBIWDEF
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STB_IMAGE_WRITE_STATIC
#define STBI_NO_STDIO
#define STBI_WRITE_NO_STDIO
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ASSERT(x) ((x) ? (void)0 : inlay::data::detail::stb_broken())
#define STBIW_ASSERT(x) STBI_ASSERT(x)
#define STBI_MALLOC(bytes) inlay::data::detail::stb_allocate(nullptr, bytes)
#define STBI_REALLOC(old, bytes) inlay::data::detail::stb_allocate(old, bytes)
#define STBI_FREE(at) ::free(at)
namespace inlay_stb {  // not in inlay, whose pow and abs would hide those of C
#if __has_include(<stb/stb_image.h>)
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>
#else
#include <stb_image.h>
#include <stb_image_write.h>
#endif
}  // namespace inlay_stb
#undef STBI_NO_STDIO
#undef STBI_WRITE_NO_STDIO
#undef STBI_ONLY_PNG
#undef STBI_ONLY_JPEG
#undef STBI_ASSERT
#undef STBIW_ASSERT
#undef STBI_MALLOC
#undef STBI_REALLOC
#undef STBI_FREE
#pragma pop_macro("STBI_INCLUDE_STB_IMAGE_H")
#pragma pop_macro("INCLUDE_STB_IMAGE_WRITE_H")
#pragma pop_macro("STB_IMAGE_IMPLEMENTATION")
#pragma pop_macro("STB_IMAGE_WRITE_IMPLEMENTATION")
#pragma pop_macro("STB_IMAGE_STATIC")
#pragma pop_macro("STB_IMAGE_WRITE_STATIC")
#pragma pop_macro("STBIDEF")
#pragma pop_macro("STBIWDEF")
#pragma GCC diagnostic pop

namespace inlay::inline v0_1::data {

namespace detail {

// Versions of stb_image before 2.28 write beyond their tables when a JPEG file lists more than 256 codes in one. This
// walks the segments as the decoder does, which reads bytes of 0 behind the end.
INLAY_COLD inline bool sound_code_tables(std::span<const std::uint8_t> bytes) noexcept {
  const auto byte = [&](std::size_t i) -> std::size_t { return i < bytes.size() ? bytes[i] : 0; };
  for (std::size_t at = byte(0) == 0xFF ? 2 : bytes.size(); at < bytes.size();) {
    const std::size_t marker = byte(at + 1);
    const bool alone = marker <= 1 || marker == 0xFF || (marker >= 0xD0 && marker <= 0xD9);
    if (byte(at) != 0xFF || alone) {
      ++at;
      continue;
    }
    const std::size_t end = at + 2 + std::max<std::size_t>(byte(at + 2) << 8 | byte(at + 3), 2);
    for (std::size_t table = at + 4; marker == 0xC4 && table < end;) {
      std::size_t codes = 0;
      for (std::size_t i = 1; i <= 16; ++i) codes += byte(table + i);
      if (codes > 256) return false;
      table += 17 + codes;
    }
    at = end;
  }
  return true;
}

}  // namespace detail

struct read_image_options {
  int channels = 0;                            // 1 gray, 2 with alpha, 3 RGB, 4 RGBA; 0: as the file has
  std::int64_t limit = std::int64_t{1} << 28;  // most bytes of the file, and of the pixels
};

// Reads a PNG or JPEG file -> (C, H, W). Throws io_error, which names the file and what is wrong in it.
template <class = void>  // compiled only where it is used
INLAY_COLD tensor<std::uint8_t> read_image(const std::string& path, const read_image_options& options = {}) {
  namespace stb = inlay_stb;
  if (options.channels < 0 || options.channels > 4)
    throw value_error("read_image", {"expected .channels of 0 to 4, got ", options.channels});
  const std::int64_t most = std::min<std::int64_t>(options.limit, INT_MAX);
  const auto too_large = [&](const char* what, std::int64_t bytes) {
    throw io_error("read_image", {"expected at most ", most, " bytes of ", what, ", got ", bytes, " in ", path,
                                  "; raise read_image_options::limit if the file is to be trusted"});
  };
  const auto stored = static_cast<std::int64_t>(io::detail::open_regular(path).size);
  if (stored > most) too_large("the file", stored);
  const tensor<std::uint8_t> bytes = io::read_file(path);
  const auto length = static_cast<int>(std::min(bytes.size(), most));

  const auto fail = [&] {
    const char* reason = stb::stbi_failure_reason();
    throw io_error("read_image", {"expected a PNG or JPEG image, got \"", reason != nullptr ? reason : "nothing",
                                  "\" in ", path, "; is it complete?"});
  };
  int width = 0, height = 0, channels = 0;
  detail::stb_limit = 1 << 20;
  if (!detail::sound_code_tables(bytes.values()))
    throw io_error("read_image", {"expected at most 256 codes in a table of a JPEG image, got more in ", path});
  if (!stb::stbi_info_from_memory(bytes.values().data(), length, &width, &height, &channels)) fail();
  const std::int64_t area = std::int64_t{width} * height, wanted = options.channels > 0 ? options.channels : channels;
  if (area * wanted > most) too_large("pixels", area * wanted);

  detail::stb_limit = (1 << 20) + 32 * static_cast<std::size_t>(area);
  const std::unique_ptr<stb::stbi_uc, void (*)(void*)> pixels(
      stb::stbi_load_from_memory(bytes.values().data(), length, &width, &height, &channels, options.channels), ::free);
  if (!pixels) fail();
  tensor<std::uint8_t> out = empty<std::uint8_t>({wanted, height, width});
  std::uint8_t* to = inlay::detail::writable(out);
  for (std::int64_t c = 0; c < wanted; ++c)
    for (std::int64_t i = 0; i < area; ++i) *to++ = pixels.get()[i * wanted + c];
  return out;
}

// Writes an image (C, H, W) of 1 to 4 channels, atomically. Throws shape_error and io_error.
template <class = void>  // compiled only where it is used
INLAY_COLD void write_png(const tensor<std::uint8_t>& image, const std::string& path) {
  const bool sound = image.rank() == 3 && image.dim(0) >= 1 && image.dim(0) <= 4 && image.size() > 0;
  if (!sound || image.size() > 1 << 29 || image.dim(1) > 1 << 24)
    throw shape_error("write_png",
                      {"expected an image (C, H, W) of 1 to 4 channels and at most 2^29 values, got ", image.shape()});
  const std::int64_t channels = image.dim(0), area = image.dim(1) * image.dim(2);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(image.size()));
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t i = 0; i < area; ++i)
      pixels[static_cast<std::size_t>(i * channels + c)] = image.values()[static_cast<std::size_t>(c * area + i)];
  std::string packed;
  const auto append = [](void* to, void* data, int size) {
    static_cast<std::string*>(to)->append(static_cast<const char*>(data), static_cast<std::size_t>(size));
  };
  const auto width = static_cast<int>(image.dim(2)), parts = static_cast<int>(channels);
  if (!inlay_stb::stbi_write_png_to_func(append, &packed, width, static_cast<int>(image.dim(1)), parts, pixels.data(),
                                         width * parts))
    throw memory_error("write_png", {"expected memory to pack ", path, ", got none"});
  io::atomic_writer out(path);
  out.write(packed);
  out.commit();
}

struct image_folder_config {
  std::int64_t height = 0, width = 0;  // what every image is brought to; required
  int channels = 3;
  std::int64_t limit = read_image_options{}.limit;  // of each file and its pixels
};

namespace detail {

// The names in a folder that do not begin with a dot, sorted.
INLAY_COLD inline std::vector<std::string> names_in(const std::string& path, bool folders) {
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) io::detail::fail("read", path, errno);
  std::vector<std::string> out;
  const std::unique_ptr<DIR, int (*)(DIR*)> closer(folder, ::closedir);
  while (const dirent* entry = ::readdir(folder)) {
    struct stat status {};
    const std::string name = entry->d_name;
    if (name[0] == '.' || ::stat((path + '/' + name).c_str(), &status) != 0) continue;
    if (folders ? S_ISDIR(status.st_mode) : S_ISREG(status.st_mode)) out.push_back(name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

INLAY_COLD inline bool is_image_name(const std::string& name) {
  std::string end = name.substr(name.rfind('.') == std::string::npos ? name.size() : name.rfind('.'));
  for (char& c : end) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return end == ".png" || end == ".jpg" || end == ".jpeg";
}

}  // namespace detail

// A folder of folders: each is a class, in alphabetical order, and holds PNG and JPEG files, which are read when they
// are asked for.  batch(rows) -> x (N, C, H, W), from 0 to 1 or, of std::uint8_t, to 255; y (N,).
template <element T = float>
requires floating<T> || std::is_same_v<T, std::uint8_t>
class image_folder {
 public:
  // Throws value_error when a size is missing, io_error when there is no class, or one without an image.
  INLAY_COLD image_folder(const std::string& root, const image_folder_config& config) : config_(config) {
    if (config.height < 1 || config.width < 1 || config.channels < 1 || config.channels > 4)
      throw value_error("image_folder", {"expected .height and .width of 1 or more and 1 to 4 .channels, got ",
                                         config.height, ", ", config.width, " and ", config.channels});
    contents found;
    found.names = detail::names_in(root, true);
    for (const std::string& name : found.names) {
      const std::size_t before = found.paths.size();
      for (const std::string& file : detail::names_in(root + '/' + name, false)) {
        if (!detail::is_image_name(file)) continue;
        found.paths.push_back(root + '/' + name + '/' + file);
        found.classes.push_back(&name - found.names.data());
      }
      if (found.paths.size() == before)
        throw io_error("image_folder",
                       {"expected images named .png, .jpg or .jpeg in ", root, "/", name, ", got none"});
    }
    if (found.names.empty())
      throw io_error("image_folder", {"expected a folder for each class in ", root, ", got none"});
    contents_ = std::make_shared<const contents>(std::move(found));
  }

  std::int64_t size() const noexcept { return static_cast<std::int64_t>(contents_->paths.size()); }

  // Throws io_error, which names the file, and value_error for rows that are not there.
  data::batch<T, std::int64_t> batch(std::span<const std::int64_t> rows) const {
    const auto count = static_cast<std::int64_t>(rows.size());
    data::batch<T, std::int64_t> out{empty<T>({count, config_.channels, config_.height, config_.width}),
                                     empty<std::int64_t>({count})};
    T* to = inlay::detail::writable(out.x);
    std::int64_t* label = inlay::detail::writable(out.y);
    for (const std::int64_t row : rows) {
      if (row < 0 || row >= size())
        throw value_error("image_folder", {"expected rows from 0 to ", size() - 1, ", got ", row});
      const auto i = static_cast<std::size_t>(row);
      const tensor<float> image =
          resize(read_image(contents_->paths[i], {config_.channels, config_.limit}).template cast<float>(),
                 config_.height, config_.width);
      for (const float value : image.values())
        *to++ = std::is_floating_point_v<T> ? static_cast<T>(value / 255) : inlay::detail::convert<T>(value + 0.5f);
      *label++ = contents_->classes[i];
    }
    return out;
  }

  // The classes' names · each row's file and class.
  const std::vector<std::string>& names() const noexcept { return contents_->names; }
  const std::vector<std::string>& paths() const noexcept { return contents_->paths; }
  const std::vector<std::int64_t>& classes() const noexcept { return contents_->classes; }

 private:
  struct contents {
    std::vector<std::string> names, paths;
    std::vector<std::int64_t> classes;
  };
  image_folder_config config_;
  std::shared_ptr<const contents> contents_;
};

}  // namespace inlay::inline v0_1::data
