// The npy format of NumPy: a magic, a version, the length of a header, the header (a Python dictionary of element type,
// order and shape), the values. Nothing is allocated before the file proves to have what its header promises.
#pragma once

#include <bit>

#include "../core/any_tensor.hpp"
#include "file.hpp"
#include "scanner.hpp"

namespace inlay::inline v0_1::io {

struct load_npy_options {
  bool cast = false;  // convert numbers of another element type as tensor::cast does
};

namespace detail {

struct npy_header {
  char kind = 0;              // b bool, i and u integers, f floating point
  std::int64_t width = 0;     // bytes of an element
  bool big_endian = false;    // first byte highest
  bool column_major = false;  // Fortran's order
  shape sizes;
  std::size_t start = 0;  // of the values
};

// Calls f(T{}) with the C++ type of the stored elements; false when there is none.
template <class F> bool visit_npy(const npy_header& h, F f) {
  switch (h.kind << 8 | static_cast<int>(h.width)) {
    case 'b' << 8 | 1:
      return f(bool{}), true;
    case 'i' << 8 | 1:
      return f(std::int8_t{}), true;
    case 'i' << 8 | 2:
      return f(std::int16_t{}), true;
    case 'i' << 8 | 4:
      return f(std::int32_t{}), true;
    case 'i' << 8 | 8:
      return f(std::int64_t{}), true;
    case 'u' << 8 | 1:
      return f(std::uint8_t{}), true;
    case 'u' << 8 | 2:
      return f(std::uint16_t{}), true;
    case 'u' << 8 | 4:
      return f(std::uint32_t{}), true;
    case 'u' << 8 | 8:
      return f(std::uint64_t{}), true;
    case 'f' << 8 | 2:
      return f(float16{}), true;
    case 'f' << 8 | 4:
      return f(float{}), true;
    case 'f' << 8 | 8:
      return f(double{}), true;
    default:
      return false;
  }
}

// The header's dictionary: a closed subset of Python, so it has its own strict parser. It does not recurse.
template <class = void>  // compiled only where it is used
class npy_parser : scanner {
 public:
  npy_parser(const std::string& path, std::string_view text, std::size_t offset)
      : scanner("load_npy", path, text, offset, " \n") {}

  INLAY_COLD npy_header parse() {
    npy_header out;
    bool typed = false, ordered = false, sized = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = string();
      expect(':');
      if (key == "descr" && !std::exchange(typed, true))
        type(out);
      else if (key == "fortran_order" && !std::exchange(ordered, true))
        out.column_major = truth();
      else if (key == "shape" && !std::exchange(sized, true))
        sizes(out.sizes);
      else
        fail("each of 'descr', 'fortran_order' and 'shape' once, and nothing else");
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    end("the header");
    if (!typed || !ordered || !sized) fail("'descr', 'fortran_order' and 'shape' in the header");
    return out;
  }

 private:
  std::string_view string() {
    space();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') fail("a string in quotes");
    const std::size_t first = ++at_, end = text_.find(quote, first);
    if (end == std::string_view::npos) fail("the end of a string");
    at_ = end + 1;
    return text_.substr(first, end - first);
  }

  bool truth() {
    if (accept("True")) return true;
    if (!accept("False")) fail("True or False");
    return false;
  }

  INLAY_COLD void type(npy_header& out) {
    space();
    const bool fields = at_ < text_.size() && text_[at_] == '[';
    const std::string_view name = fields ? "a structure" : string();
    const std::string_view rest = fields || name.size() < 3 ? "" : name.substr(2);
    if (rest.size() == 1 && std::string_view("<>|=").find(name[0]) != std::string_view::npos) {
      out.big_endian = name[0] == '>';
      out.kind = name[1];
      out.width = rest[0] - '0';
    }
    if (!visit_npy(out, [](auto) {}))
      throw type_error("load_npy", {"expected bool, integers, or floating point of 16, 32 or 64 bits, got ", name,
                                    name.find('O') != std::string_view::npos ? " (Python's objects)" : "", " in ",
                                    path_, "; convert it in Python: array.astype('float32')"});
  }

  INLAY_COLD void sizes(shape& out) {
    expect('(');
    while (!accept(')')) {
      const std::int64_t size = number();
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // of Python 2
      if (out.rank() == shape::max_rank) fail("at most 8 axes");
      try {
        out.append(size);
      } catch (const shape_error&) {
        fail("a shape whose size does not overflow");
      }
      if (!accept(',')) {
        if (out.rank() == 1) fail("a ','");  // (3) is a number in Python, and (3,) a tuple
        expect(')');
        break;
      }
    }
  }
};

// Checks an array's bytes from the outside in; the values are there when this returns.
template <class = void>  // compiled only where it is used
INLAY_COLD npy_header read_npy_header(const std::string& path, std::span<const std::uint8_t> bytes) {
  const auto bad = [&](std::initializer_list<inlay::detail::piece> what) { throw io_error("load_npy", what); };
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with("\x93NUMPY"))
    bad({"expected an npy file, which starts with \\x93NUMPY, got other bytes in ", path});
  if (text.size() < 12) bad({"expected 12 bytes or more, got ", text.size(), " in ", path});
  const unsigned version = bytes[6];
  if (version < 1 || version > 3 || bytes[7] != 0)
    bad({"expected version 1.0, 2.0 or 3.0, got ", version, ".", bytes[7], " in ", path});
  const std::size_t first = version == 1 ? 10 : 12;
  std::size_t length = bytes[8] | static_cast<std::size_t>(bytes[9]) << 8;
  if (version > 1) length |= static_cast<std::size_t>(bytes[10]) << 16 | static_cast<std::size_t>(bytes[11]) << 24;
  if (length > text.size() - first)
    bad({"expected a header of ", length, " bytes, got ", text.size() - first, " in ", path});

  npy_header out = npy_parser(path, text.substr(first, length), first).parse();
  out.start = first + length;
  if (out.sizes.rank() < 2) out.column_major = false;
  // A shape has at most 2^56 elements, so this does not overflow.
  const std::int64_t whole = out.sizes.size() * out.width, there = static_cast<std::int64_t>(text.size() - out.start);
  if (there != whole)
    bad({"expected ", whole, " bytes for values of shape ", out.sizes, ", got ", there, " in ", path,
         there < whole ? "; is it complete?" : "; does it hold one array and nothing else?"});
  return out;
}

// Calls f(i, j) for every element: the i-th of the file is the j-th in row-major order.
template <class F> void each_npy_element(const npy_header& h, F f) {
  const std::int64_t size = h.sizes.size();
  if (!h.column_major) {
    for (std::int64_t i = 0; i < size; ++i) f(i, i);
    return;
  }
  const int rank = h.sizes.rank();
  std::int64_t index[shape::max_rank] = {}, to = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    f(i, to);
    for (int axis = 0; axis < rank; ++axis) {  // the first axis moves fastest
      const std::int64_t stride = h.sizes.count(axis + 1, rank);
      to += stride;
      if (++index[axis] < h.sizes[axis]) break;
      to -= stride * std::exchange(index[axis], 0);
    }
  }
}

template <class T> T npy_element(const std::uint8_t* from, bool big_endian) noexcept {
  std::array<std::uint8_t, sizeof(T)> bytes;
  std::copy_n(from, sizeof(T), bytes.begin());
  if (big_endian) std::reverse(bytes.begin(), bytes.end());
  return std::bit_cast<T>(bytes);
}

// The values as T; values that lie in the file as the tensor wants them are not copied.
template <element T, class Stored>
INLAY_COLD tensor<T> npy_values(const std::string& path, const npy_header& h, const tensor<std::uint8_t>& bytes) {
  if constexpr (std::is_same_v<Stored, bool>)
    for (const std::uint8_t value : bytes.values())
      if (value > 1) throw io_error("load_npy", {"expected bool of 0 or 1, got ", value, " in ", path});
  if constexpr (std::is_same_v<T, Stored>)
    if (!h.big_endian && !h.column_major) return any_tensor(dtype_of<T>, h.sizes, bytes).template as<T>();
  tensor<T> out = empty<T>(h.sizes);
  T* to = inlay::detail::writable(out);
  const std::uint8_t* from = bytes.values().data();
  each_npy_element(h, [&](std::int64_t i, std::int64_t j) {
    using held = std::conditional_t<std::is_same_v<Stored, bool>, std::uint8_t, Stored>;
    const held value = npy_element<held>(from + i * h.width, h.big_endian);
    if constexpr (std::is_same_v<T, Stored>)
      to[j] = static_cast<T>(value);
    else
      to[j] = inlay::detail::convert<T>(value);
  });
  return out;
}

// What stands for a stored type: itself, or the next wider one that tensors have.
template <class Stored> struct npy_counterpart { using type = Stored; };
template <> struct npy_counterpart<std::int16_t> { using type = std::int32_t; };
template <> struct npy_counterpart<std::uint16_t> { using type = std::int32_t; };
template <> struct npy_counterpart<std::uint32_t> { using type = std::int64_t; };
template <> struct npy_counterpart<std::uint64_t> { using type = std::int64_t; };

// An array from the bytes of an npy file; `path` names it in errors.
template <class = void>  // compiled only where it is used
INLAY_COLD any_tensor npy_array(const std::string& path, const tensor<std::uint8_t>& bytes) {
  const npy_header h = read_npy_header(path, bytes.values());
  const tensor<std::uint8_t> values = bytes.slice(static_cast<std::int64_t>(h.start), bytes.size());
  any_tensor out;
  visit_npy(h, [&](auto zero) {
    using stored = decltype(zero);
    if constexpr (std::is_same_v<stored, std::uint64_t>)
      for (std::int64_t i = 0; i < h.sizes.size(); ++i)
        if (npy_element<stored>(values.values().data() + 8 * i, h.big_endian) >> 63 != 0)
          throw io_error("load_npy", {"expected numbers below 2^63, got larger ones in ", path,
                                      "; load_npy<T>(path, {.cast = true}) reads them"});
    out = npy_values<typename npy_counterpart<stored>::type, stored>(path, h, values);
  });
  return out;
}

// The bytes before the values: what numpy.save writes, padded so that the values begin at a multiple of 64.
template <class = void>  // compiled only where it is used
INLAY_COLD std::string npy_head(const any_tensor& t) {
  static_assert(std::endian::native == std::endian::little, "written as little-endian");
  constexpr const char* names[] = {"<f4", "<f8", "<i4", "<i8", "|u1", "|i1", "|b1", "<f2"};
  if (t.type() == dtype::bfloat16)
    throw type_error("save_npy", {"expected a type that NumPy has, got bfloat16; cast<float>() it"});
  std::string text = std::string("{'descr': '") + names[static_cast<int>(t.type())] +
                     "', 'fortran_order': False, 'shape': " + t.shape().text() + ", }";
  // NumPy leaves room for a first axis of 21 digits, so that a file can grow in place.
  if (t.shape().rank() > 0) text.append(21 - std::to_string(t.shape()[0]).size(), ' ');
  text.append(64 - (11 + text.size()) % 64, ' ');
  text += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(text.size() & 0xFF);
  out += static_cast<char>(text.size() >> 8);
  return out + text;
}

}  // namespace detail

// Reads an array of element type T. Throws io_error, which names the file and what is wrong in it, and type_error when
// it holds another type (pass {.cast = true} to convert) or none that numbers have.
template <element T> INLAY_COLD tensor<T> load_npy(const std::string& path, const load_npy_options& options = {}) {
  const tensor<std::uint8_t> bytes = read_file(path);
  const detail::npy_header h = detail::read_npy_header(path, bytes.values());
  tensor<T> out;
  detail::visit_npy(h, [&](auto zero) {
    using stored = decltype(zero);
    if (!std::is_same_v<T, stored> && !options.cast)
      throw type_error("load_npy", {"expected ", name(dtype_of<T>), ", got ", std::string_view(&h.kind, 1), h.width,
                                    " in ", path, "; pass {.cast = true} to convert"});
    out = detail::npy_values<T, stored>(path, h, bytes.slice(static_cast<std::int64_t>(h.start), bytes.size()));
  });
  return out;
}

// Reads an array of any type. Integers that tensors do not have become wider ones: int32 from (u)int16, int64 from
// uint32 and uint64. Throws as load_npy<T> does.
template <class Any = any_tensor>  // compiled only where it is used
requires std::is_same_v<Any, any_tensor> INLAY_COLD Any load_npy(const std::string& path) {
  return detail::npy_array(path, read_file(path));
}

// Writes what numpy.save would, atomically. Throws io_error, and type_error for bfloat16, which NumPy does not have.
template <class = void>  // compiled only where it is used
INLAY_COLD void save_npy(const any_tensor& t, const std::string& path) {
  const std::string head = detail::npy_head(t);
  atomic_writer out(path);
  out.write(head);
  out.write(t.bytes());
  out.commit();
}

}  // namespace inlay::inline v0_1::io
