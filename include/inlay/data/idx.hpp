// Tensors from IDX files, the format of MNIST and its kin: two bytes of zero, the element type, the number of axes,
// their sizes as big-endian uint32, the values in big-endian. No size is believed before the file proves to have it.
#pragma once

#include "../core/tensor.hpp"
#include "../io/file.hpp"

namespace inlay::inline v0_1::data {

namespace detail {

// Fills `to` from an offset of the file, as far as there is something: fewer bytes than asked for are the last ones.
INLAY_COLD inline std::size_t read_at(const io::detail::opened& in, const std::string& path, std::uint64_t offset,
                                      std::span<std::uint8_t> to) {
  std::size_t done = 0;
  while (done < to.size()) {
    const ssize_t count =
        ::pread(in.file->number(), to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) io::detail::fail("read", path, errno);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

// What the parser reads from: read(to) as read_at, one piece after another; length(enough) is the number of all bytes,
// or any number above `enough` when there are more than that.
template <class = void>  // compiled only where it is used
class file_source {
 public:
  file_source(const io::detail::opened& in, const std::string& path) : in_(in), path_(path) {}

  std::uint64_t length(std::uint64_t) const noexcept { return in_.size; }
  std::size_t read(std::span<std::uint8_t> to) {
    const std::size_t count = read_at(in_, path_, at_, to);
    at_ += count;
    return count;
  }

 private:
  const io::detail::opened& in_;
  const std::string& path_;
  std::uint64_t at_ = 0;
};

template <class T> T from_big_endian(const std::uint8_t* bytes) noexcept {
  using bits = std::conditional_t<sizeof(T) == 1, std::uint8_t,
                                  std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                                     std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) out = out << 8 | bytes[i];
  return std::bit_cast<T>(static_cast<bits>(out));
}

// Calls f(T{}) with the type of a code; false when there is no such code.
template <class F> bool visit_idx(std::uint8_t code, F f) {
  switch (code) {
    case 0x08:
      return f(std::uint8_t{}), true;
    case 0x09:
      return f(std::int8_t{}), true;
    case 0x0B:
      return f(std::int16_t{}), true;
    case 0x0C:
      return f(std::int32_t{}), true;
    case 0x0D:
      return f(float{}), true;
    case 0x0E:
      return f(double{}), true;
    default:
      return false;
  }
}

struct idx_header {
  std::uint8_t code = 0;
  shape sizes;
};

// Reads the header; when this returns the source has exactly the bytes that the header promises.
template <class Source> INLAY_COLD idx_header read_idx_header(Source& in, const std::string& path) {
  const auto bad = [](std::initializer_list<inlay::detail::piece> what) { throw io_error("read_idx", what); };
  std::uint8_t bytes[4 + 4 * shape::max_rank];
  const std::size_t first = in.read({bytes, 4});
  if (first >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B)
    bad({"expected an IDX file, got a gzip file: ", path,
         "; gunzip it, or include inlay/zlib.hpp and use data::read_idx_gz"});
  if (first < 4) bad({"expected 4 bytes or more, got ", first, " in ", path, "; is the download complete?"});
  if (bytes[0] != 0 || bytes[1] != 0)
    bad({"expected an IDX file, which starts with two bytes of 0, got ", bytes[0], " and ", bytes[1], " in ", path});

  idx_header out;
  out.code = bytes[2];
  std::uint64_t width = 0;
  if (!visit_idx(out.code, [&](auto zero) { width = sizeof zero; }))
    bad({"expected element type 8 (uint8), 9 (int8), 11 (int16), 12 (int32), 13 (float32) or 14 (float64), got ",
         out.code, " in ", path});
  const std::size_t rank = bytes[3];
  if (rank == 0 || rank > shape::max_rank) bad({"expected 1 to 8 axes, got ", rank, " in ", path});
  const std::size_t there = in.read({bytes + 4, 4 * rank});
  if (there < 4 * rank)
    bad({"expected ", 4 + 4 * rank, " bytes or more, got ", 4 + there, " in ", path, "; is the download complete?"});
  for (std::size_t i = 0; i < rank; ++i) {
    const auto size = from_big_endian<std::uint32_t>(bytes + 4 + 4 * i);
    try {
      out.sizes.append(size);
    } catch (const shape_error&) {
      bad({"expected a shape whose size does not overflow, got ", out.sizes, " times ", size, " in ", path});
    }
  }

  // A shape has at most 2^56 elements, so this does not overflow.
  const std::uint64_t whole = 4 + 4 * rank + static_cast<std::uint64_t>(out.sizes.size()) * width;
  const std::uint64_t length = in.length(whole);
  if (length < whole)
    bad({"expected ", whole, " bytes for values of shape ", out.sizes, ", got ", length, " in ", path,
         "; is the download complete?"});
  if (length > whole)
    bad({"expected ", whole, " bytes for values of shape ", out.sizes, ", got more in ", path,
         "; does it hold one array and nothing else?"});
  return out;
}

template <element T, class Source> INLAY_COLD tensor<T> read_idx_from(Source& in, const std::string& path) {
  const idx_header header = read_idx_header(in, path);
  tensor<T> out = empty<T>(header.sizes);
  out.write([&](std::span<T> to) {
    visit_idx(header.code, [&](auto zero) {
      using stored = decltype(zero);
      std::uint8_t piece[1 << 14];
      for (std::size_t done = 0; done < to.size();) {
        const std::size_t count = std::min(to.size() - done, sizeof piece / sizeof(stored));
        if (in.read({piece, count * sizeof(stored)}) < count * sizeof(stored))
          throw io_error("read_idx", {"expected the rest of ", path, ", got its end; was it truncated meanwhile?"});
        for (std::size_t i = 0; i < count; ++i)
          to[done + i] = inlay::detail::convert<T>(from_big_endian<stored>(piece + i * sizeof(stored)));
        done += count;
      }
    });
  });
  return out;
}

}  // namespace detail

// Reads a file of one array; its values are converted to T as tensor::cast does. Throws io_error, which names the file
// and what is wrong in it.
template <element T> INLAY_COLD tensor<T> read_idx(const std::string& path) {
  const io::detail::opened in = io::detail::open_regular(path);
  detail::file_source source(in, path);
  return detail::read_idx_from<T>(source, path);
}

}  // namespace inlay::inline v0_1::data
