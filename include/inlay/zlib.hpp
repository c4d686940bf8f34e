// Packed files: IDX as it is published, with gzip, and the members of NumPy's archives. Needs zlib; link it.
#pragma once

#include <zlib.h>

#include "data/idx.hpp"
#include "io/npz.hpp"

namespace inlay::inline v0_1::data {

struct idx_gz_options {
  std::int64_t limit = std::int64_t{1} << 32;  // most bytes a packed file may unpack to
};

namespace detail {

// The contents of a gzip file of one or more members, with their checksums verified by whoever reads to the end.
template <class = void>  // compiled only where it is used
class gzip_source {
 public:
  gzip_source(const io::detail::opened& in, const std::string& path, std::int64_t limit)
      : in_(in), path_(path), limit_(limit) {
    constexpr int gzip_only = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, gzip_only) != Z_OK) no_memory();
  }
  gzip_source(const gzip_source&) = delete;
  gzip_source& operator=(const gzip_source&) = delete;
  ~gzip_source() { inflateEnd(&stream_); }

  // Unpacks everything once to count it, so that nothing is allocated for a file that is damaged, cut short or other
  // than its header says. A bomb is left at the first byte too many.
  INLAY_COLD std::uint64_t length(std::uint64_t enough) const {
    if (limit_ < 0 || enough > static_cast<std::uint64_t>(limit_))
      throw io_error("read_idx", {"expected at most ", limit_, " bytes once unpacked, got ", enough, " in ", path_,
                                  "; raise idx_gz_options::limit if the file is to be trusted"});
    gzip_source again(in_, path_, limit_);
    std::uint8_t piece[1 << 14];
    std::uint64_t total = 0;
    while (total <= enough) {
      const std::size_t count = again.read(piece);
      if (count == 0) break;
      total += count;
    }
    return total;
  }

  INLAY_COLD std::size_t read(std::span<std::uint8_t> to) {
    stream_.next_out = to.data();
    stream_.avail_out = static_cast<uInt>(to.size());
    while (stream_.avail_out > 0) {
      if (stream_.avail_in == 0) refill();
      if (between_members_) {
        if (stream_.avail_in == 0) break;
        inflateReset(&stream_);
        between_members_ = false;
      }
      const int code = inflate(&stream_, Z_NO_FLUSH);
      if (code == Z_STREAM_END)
        between_members_ = true;
      else if (code == Z_BUF_ERROR)
        throw io_error("read_idx", {"expected a whole gzip file, got one that is cut short: ", path_,
                                    "; is the download complete?"});
      else if (code == Z_MEM_ERROR)
        no_memory();
      else if (code != Z_OK)
        throw io_error("read_idx",
                       {"expected a sound gzip file, got \"", stream_.msg != nullptr ? stream_.msg : "damaged data",
                        "\" in ", path_, "; download it again"});
    }
    return to.size() - stream_.avail_out;
  }

 private:
  [[noreturn]] INLAY_COLD void no_memory() const {
    throw memory_error("read_idx", {"expected memory to unpack ", path_, ", got none"});
  }

  void refill() {
    const std::size_t count = read_at(in_, path_, at_, packed_);
    at_ += count;
    stream_.next_in = packed_;
    stream_.avail_in = static_cast<uInt>(count);
  }

  const io::detail::opened& in_;
  const std::string& path_;
  std::int64_t limit_;
  z_stream stream_{};
  std::uint64_t at_ = 0;
  bool between_members_ = false;
  std::uint8_t packed_[1 << 14];
};

}  // namespace detail

// Reads a file of one array, packed with gzip or plain, as read_idx does. It is unpacked twice, to count and to keep:
// no memory is taken but the tensor's, and that only for a file found sound. Throws io_error, also when it would unpack
// to more than options.limit bytes.
template <element T> INLAY_COLD tensor<T> read_idx_gz(const std::string& path, const idx_gz_options& options = {}) {
  const io::detail::opened in = io::detail::open_regular(path);
  std::uint8_t magic[2] = {};
  if (detail::read_at(in, path, 0, magic) < 2 || magic[0] != 0x1F || magic[1] != 0x8B) {
    detail::file_source plain(in, path);
    return detail::read_idx_from<T>(plain, path);
  }
  detail::gzip_source packed(in, path, options.limit);
  return detail::read_idx_from<T>(packed, path);
}

}  // namespace inlay::inline v0_1::data

namespace inlay::inline v0_1::io {

// How load_npz reads packed members: io::load_npz(path, {.inflate = io::inflate_with_zlib}).
INLAY_COLD inline void inflate_with_zlib(const std::string& what, std::span<const std::uint8_t> packed,
                                         std::span<std::uint8_t> to) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    throw memory_error("load_npz", {"expected memory to unpack ", what, ", got none"});
  constexpr std::size_t most = std::size_t{1} << 30;  // zlib counts in 32 bits
  std::size_t taken = 0, made = 0;
  int code = Z_OK;
  while (code == Z_OK) {
    const std::size_t in = std::min(most, packed.size() - taken), out = std::min(most, to.size() - made);
    std::uint8_t beyond = 0;  // shows a stream that is longer than it should be
    stream.next_in = const_cast<Bytef*>(packed.data() + taken);
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out = out > 0 ? to.data() + made : &beyond;
    stream.avail_out = out > 0 ? static_cast<uInt>(out) : 1;
    code = inflate(&stream, Z_NO_FLUSH);
    taken += in - stream.avail_in;
    made += (out > 0 ? out : 1) - stream.avail_out;
    if (made > to.size()) code = Z_DATA_ERROR;
  }
  inflateEnd(&stream);
  if (code != Z_STREAM_END || taken != packed.size() || made != to.size())
    throw io_error("load_npz", {"expected ", to.size(), " bytes from ", what, ", got damaged data"});
}

}  // namespace inlay::inline v0_1::io
