// The npz format of NumPy: a zip archive of npy files, one per name. Stored members are read as they are; packed ones
// (numpy.savez_compressed) need an inflater, which inlay/zlib.hpp has. The archive's list is checked whole before
// anything is allocated from what it says: names, sizes, places without overlap.
#pragma once

#include <algorithm>
#include <map>

#include "npy.hpp"
#include "safetensors_header.hpp"

namespace inlay::inline v0_1::io {

using named_tensors = std::map<std::string, any_tensor, std::less<>>;

struct load_npz_options {
  // Unpacks a raw deflate stream into exactly `to`, or throws io_error, which names `what`: io::inflate_with_zlib.
  void (*inflate)(const std::string& what, std::span<const std::uint8_t> packed, std::span<std::uint8_t> to) = nullptr;
  std::int64_t limit = std::int64_t{1} << 32;  // most bytes that packed members may unpack to, all together
};

namespace detail {

constexpr std::array<std::uint32_t, 256> crc32_table() noexcept {
  std::array<std::uint32_t, 256> out{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = c >> 1 ^ (c & 1 ? 0xEDB88320u : 0u);
    out[i] = c;
  }
  return out;
}

// The checksum of zip and gzip; `before` is that of the bytes before these.
template <class = void>  // compiled only where it is used
std::uint32_t crc32_of(std::span<const std::uint8_t> bytes, std::uint32_t before = 0) noexcept {
  static constexpr std::array<std::uint32_t, 256> table = crc32_table();
  std::uint32_t c = ~before;
  for (const std::uint8_t byte : bytes) c = table[(c ^ byte) & 0xFF] ^ c >> 8;
  return ~c;
}

struct zip_member {
  std::string name;
  bool packed = false;
  std::uint32_t checksum = 0;
  std::uint64_t begin = 0, end = 0;     // of the stored bytes in the file
  std::uint64_t place = 0, length = 0;  // of the local header · once unpacked
};

// Reads the list at the end of a zip archive. Every number is checked against the file before it is used.
template <class = void>  // compiled only where it is used
class zip_reader {
 public:
  zip_reader(const std::string& path, std::span<const std::uint8_t> bytes) : path_(path), bytes_(bytes) {}

  INLAY_COLD std::vector<zip_member> members() {
    find_list();
    std::vector<zip_member> out;
    std::uint64_t at = list_;
    for (std::uint64_t i = 0; i < count_; ++i) out.push_back(listed(at));
    if (at != list_end_) fail({"expected ", count_, " members in the list of ", path_, ", got other bytes after it"});
    check(out);
    return out;
  }

 private:
  [[noreturn]] INLAY_COLD void fail(std::initializer_list<inlay::detail::piece> what) const {
    throw io_error("load_npz", what);
  }

  std::uint64_t number(std::uint64_t at, int width) const {
    if (at > bytes_.size() || bytes_.size() - at < static_cast<std::uint64_t>(width))
      fail({"expected ", width, " bytes at ", at, " of ", path_, ", got its end; is it complete?"});
    std::uint64_t out = 0;
    for (int i = width; i-- > 0;) out = out << 8 | bytes_[static_cast<std::size_t>(at) + static_cast<std::size_t>(i)];
    return out;
  }
  std::string_view text(std::uint64_t at, std::uint64_t length) const {
    if (length > bytes_.size() || at > bytes_.size() - length)
      fail({"expected ", length, " bytes at ", at, " of ", path_, ", got its end; is it complete?"});
    return {reinterpret_cast<const char*>(bytes_.data()) + at, static_cast<std::size_t>(length)};
  }

  // The end record lies before a comment of at most 65535 bytes; that of large archives before it.
  INLAY_COLD void find_list() {
    constexpr std::uint64_t size = 22;
    const std::uint64_t all = bytes_.size();
    std::uint64_t at = all < size ? 0 : all - size;
    const std::uint64_t lowest = at < 65535 ? 0 : at - 65535;
    const auto is_end = [&] { return number(at, 4) == 0x06054B50 && number(at + 20, 2) == all - at - size; };
    if (all >= size)
      while (at > lowest && !is_end()) --at;
    if (all < size || !is_end()) fail({"expected a zip archive, got other bytes in ", path_, "; is it complete?"});
    count_ = number(at + 10, 2);
    list_ = number(at + 16, 4);
    std::uint64_t length = number(at + 12, 4);
    std::uint64_t disks = number(at + 4, 4) | (number(at + 8, 2) ^ count_);
    list_end_ = at;
    if (at >= 20 && number(at - 20, 4) == 0x07064B50) {
      list_end_ = number(at - 12, 8);
      if (number(list_end_, 4) != 0x06064B50) fail({"expected the end record of a large archive in ", path_});
      disks = number(list_end_ + 16, 8) | (number(list_end_ + 24, 8) ^ number(list_end_ + 32, 8));
      count_ = number(list_end_ + 32, 8);
      length = number(list_end_ + 40, 8);
      list_ = number(list_end_ + 48, 8);
    }
    if (disks != 0) fail({"expected an archive in one piece, got a part of one: ", path_});
    if (list_ > list_end_ || length != list_end_ - list_)
      fail(
          {"expected the list of members to end at ", list_end_, " of ", path_, ", got ", length, " bytes at ", list_});
  }

  INLAY_COLD zip_member listed(std::uint64_t& at) const {
    if (number(at, 4) != 0x02014B50) fail({"expected an entry of the list at byte ", at, " of ", path_});
    zip_member out;
    const std::uint64_t flags = number(at + 8, 2), method = number(at + 10, 2), name = number(at + 28, 2),
                        extra = number(at + 30, 2), comment = number(at + 32, 2);
    out.name = text(at + 46, name);
    out.checksum = static_cast<std::uint32_t>(number(at + 16, 4));
    out.packed = method == 8;
    std::uint64_t stored = number(at + 20, 4);
    out.length = number(at + 24, 4);
    out.place = number(at + 42, 4);
    large(at + 46 + name, extra, {&out.length, &stored, &out.place});
    at += 46 + name + extra + comment;
    if (at > list_end_) fail({"expected ", out.name, " to lie within the list of ", path_, ", got its end"});
    if ((flags & 1) != 0) fail({"expected ", out.name, " without encryption in ", path_});
    if (method != 0 && method != 8)
      fail({"expected ", out.name, " stored or deflated, got method ", method, " in ", path_});
    place(out, stored);
    return out;
  }

  // Sizes of 4 GB and more stand in an extra field, in this order, where the usual place holds the largest number.
  INLAY_COLD void large(std::uint64_t at, std::uint64_t length, std::initializer_list<std::uint64_t*> fields) const {
    const std::uint64_t end = at + length;
    while (end - at >= 4) {
      const std::uint64_t kind = number(at, 2), size = number(at + 2, 2);
      at += 4;
      if (size > end - at) fail({"expected an extra field within its entry at byte ", at, " of ", path_});
      std::uint64_t next = at;
      if (kind == 1)
        for (std::uint64_t* field : fields)
          if (*field == 0xFFFFFFFF && next + 8 <= at + size) *field = number(std::exchange(next, next + 8), 8);
      at += size;
    }
  }

  // The bytes lie behind a header of their own, which must name the same member.
  INLAY_COLD void place(zip_member& m, std::uint64_t stored) const {
    if (m.place >= list_ || list_ - m.place < 30 || number(m.place, 4) != 0x04034B50)
      fail({"expected ", m.name, " at byte ", m.place, " of ", path_, ", got something else"});
    const std::uint64_t name = number(m.place + 26, 2);
    m.begin = m.place + 30 + name + number(m.place + 28, 2);
    if (text(m.place + 30, name) != m.name)
      fail({"expected ", m.name, " in ", path_, ", got a member of another name"});
    if (m.begin > list_ || stored > list_ - m.begin)
      fail({"expected ", stored, " bytes of ", m.name, " at ", m.begin, " of ", path_, ", got the list"});
    m.end = m.begin + stored;
    if (!m.packed && stored != m.length)
      fail({"expected ", m.length, " bytes of ", m.name, " stored, got ", stored, " in ", path_});
    // Deflate makes at most 1032 bytes of one.
    if (m.packed && m.length / 1032 > stored)
      fail({"expected ", m.name, " to unpack to what deflate can do, got ", m.length, " bytes of ", stored, " in ",
            path_});
  }

  INLAY_COLD void check(std::vector<zip_member>& all) const {
    for (zip_member& m : all) {
      const std::string_view name = m.name;
      if (!name.ends_with(".npy") || name.front() == '/' || ("/" + m.name).find("/../") != std::string::npos ||
          name.find_first_of(std::string_view("\\\0", 2)) != std::string_view::npos || !valid_utf8(name))
        fail({"expected members named like x.npy, got \"", name.substr(0, 64), "\" in ", path_});
      m.name.resize(m.name.size() - 4);
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.place < b.place; });
    for (std::size_t i = 1; i < all.size(); ++i)
      if (all[i - 1].end > all[i].place)
        fail({"expected members beside each other, got ", all[i - 1].name, " over ", all[i].name, " in ", path_});
  }

  const std::string& path_;
  std::span<const std::uint8_t> bytes_;
  std::uint64_t list_ = 0, list_end_ = 0, count_ = 0;
};

// The bytes of a member, unpacked and with the checksum verified.
template <class = void>  // compiled only where it is used
INLAY_COLD tensor<std::uint8_t> zip_contents(const std::string& path, const tensor<std::uint8_t>& all,
                                             const zip_member& m, const load_npz_options& options) {
  const std::string what = m.name + " of " + path;
  tensor<std::uint8_t> out = all.slice(static_cast<std::int64_t>(m.begin), static_cast<std::int64_t>(m.end));
  if (m.packed) {
    if (options.inflate == nullptr)
      throw io_error("load_npz", {"expected stored members, got ", what,
                                  " packed; #include <inlay/zlib.hpp> and pass {.inflate = io::inflate_with_zlib}"});
    tensor<std::uint8_t> unpacked = empty<std::uint8_t>({static_cast<std::int64_t>(m.length)});
    unpacked.write([&](std::span<std::uint8_t> to) { options.inflate(what, out.values(), to); });
    out = std::move(unpacked);
  }
  if (crc32_of(out.values()) != m.checksum)
    throw io_error("load_npz", {"expected the checksum of ", what, " to fit its bytes; the file is damaged"});
  return out;
}

template <class = void>  // compiled only where it is used
class zip_writer {
 public:
  explicit zip_writer(const std::string& path) : out_(path) {}

  INLAY_COLD void add(const std::string& name, const std::string& head, std::span<const std::uint8_t> values) {
    const std::span<const std::uint8_t> first{reinterpret_cast<const std::uint8_t*>(head.data()), head.size()};
    const std::uint64_t length = head.size() + values.size();
    bool ascii = true;
    for (const char c : name) ascii = ascii && static_cast<unsigned char>(c) < 0x80;
    // Version 2.0, whether the name is in UTF-8, stored, of the format's first day.
    std::string facts = number(20, 2) + number(ascii ? 0 : 0x800, 2) + number(0, 4) + number(0x21, 2) +
                        number(crc32_of(values, crc32_of(first)), 4) + number(length, 4) + number(length, 4) +
                        number(name.size(), 2) + number(0, 2);
    list_ += "PK\1\2" + number(0x0314, 2) + facts + number(0, 6) + number(0600u << 16, 4) + number(at_, 4) + name;
    facts = "PK\3\4" + facts + name + head;
    out_.write(facts);
    out_.write(values);
    at_ += facts.size() + values.size();
    ++count_;
  }

  INLAY_COLD void finish() {
    out_.write(list_ + "PK\5\6" + number(0, 4) + number(count_, 2) + number(count_, 2) + number(list_.size(), 4) +
               number(at_, 4) + number(0, 2));
    out_.commit();
  }

 private:
  static std::string number(std::uint64_t value, int width) {
    std::string out;
    for (int i = 0; i < width; ++i) out += static_cast<char>(i < 8 ? value >> 8 * i & 0xFF : 0);
    return out;
  }

  atomic_writer out_;
  std::string list_;
  std::uint64_t at_ = 0, count_ = 0;
};

}  // namespace detail

// Reads all arrays of an archive by name. Throws io_error, which names the file and what is wrong in it, also for
// packed members without an inflater, and type_error for arrays that hold no numbers.
template <class = void>  // compiled only where it is used
INLAY_COLD named_tensors load_npz(const std::string& path, const load_npz_options& options = {}) {
  const tensor<std::uint8_t> bytes = read_file(path);
  const std::vector<detail::zip_member> members = detail::zip_reader(path, bytes.values()).members();
  std::uint64_t total = 0;
  for (const detail::zip_member& m : members)
    if (m.packed) total += m.length;  // each at most 1032 times the file: this does not overflow
  if (options.limit < 0 || total > static_cast<std::uint64_t>(options.limit))
    throw io_error("load_npz", {"expected at most ", options.limit, " bytes once unpacked, got ", total, " in ", path,
                                "; raise load_npz_options::limit if the file is to be trusted"});
  named_tensors out;
  for (const detail::zip_member& m : members) {
    any_tensor array = detail::npy_array(m.name + ".npy of " + path, detail::zip_contents(path, bytes, m, options));
    if (!out.emplace(m.name, std::move(array)).second)
      throw io_error("load_npz", {"expected names that differ, got ", m.name, " twice in ", path});
  }
  return out;
}

// Writes an archive of stored members that numpy.load reads, atomically. Throws io_error, type_error for bfloat16, and
// value_error for names that no reader could take back and for 4 GB or more.
template <class = void>  // compiled only where it is used
INLAY_COLD void save_npz(const named_tensors& arrays, const std::string& path) {
  std::vector<std::string> heads;
  std::uint64_t total = 22;
  for (const auto& [name, t] : arrays) {
    if (name.empty() || name[0] == '/' || name.size() > 60000 || ("/" + name).find("/../") != std::string::npos ||
        name.find_first_of(std::string_view("\\\0", 2)) != std::string::npos || !detail::valid_utf8(name))
      throw value_error("save_npz", {"expected names in UTF-8 that are no paths, got \"", name, "\" for ", path});
    heads.push_back(detail::npy_head(t));
    total += 2 * name.size() + 100 + heads.back().size() + t.bytes().size();
  }
  if (total > 0xFFFFFFFE || arrays.size() > 0xFFFE)
    throw value_error("save_npz", {"expected less than 4 GB in less than 65535 arrays, got ", total, " bytes in ",
                                   arrays.size(), "; io::save_tensors has no such limit"});
  detail::zip_writer out(path);
  std::size_t i = 0;
  for (const auto& [name, t] : arrays) out.add(name + ".npy", heads[i++], t.bytes());
  out.finish();
}

}  // namespace inlay::inline v0_1::io
