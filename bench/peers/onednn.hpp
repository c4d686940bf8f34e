// Operations of oneDNN 2, each a list of primitives that were made once, on memory in the layout oneDNN likes best:
// bringing values there and back is not timed. Results are y, and of a training step the gradients of x and of the
// weights too, in this order.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>

#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "view.hpp"

namespace bench {

class onednn {
 public:
  using memory = dnnl::memory;
  using desc = memory::desc;
  using arguments = std::unordered_map<int, memory>;

  static desc any(const memory::dims& sizes) { return {sizes, memory::data_type::f32, memory::format_tag::any}; }
  static desc plain(const memory::dims& sizes) {
    constexpr memory::format_tag tags[] = {memory::format_tag::a, memory::format_tag::ab, memory::format_tag::abc,
                                           memory::format_tag::abcd, memory::format_tag::abcde};
    return {sizes, memory::data_type::f32, tags[sizes.size() - 1]};
  }
  // Weights of a recurrent net, of which oneDNN counts layers, directions, inputs, gates and features, as ours lie.
  static desc gates_first(const memory::dims& sizes) {
    return {sizes, memory::data_type::f32, memory::format_tag::ldgoi};
  }
  // Images in blocks of as many channels as a register holds.
  static desc blocked(const memory::dims& sizes) {
    const bool wide = dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core;
    return {sizes, memory::data_type::f32, wide ? memory::format_tag::nChw16c : memory::format_tag::nChw8c};
  }

  const dnnl::engine& engine() const { return engine_; }

  memory empty(const desc& layout) const { return memory(layout, engine_); }
  memory filled(const desc& layout, const view& v) {
    return reordered(memory(plain(layout.dims()), engine_, const_cast<float*>(v.values)), layout);
  }
  memory reordered(memory from, const desc& layout) {
    memory out(layout, engine_);
    dnnl::reorder(from, out).execute(stream_, from, out);
    stream_.wait();
    return out;
  }

  // The primitive of a descriptor, which is made with `hints`: for a gradient the descriptor of the way forward.
  template <class Primitive, class... Hint>
  typename Primitive::primitive_desc plan(const typename Primitive::desc& d, const Hint&... hints) const {
    return {d, engine_, hints...};
  }
  template <class Plan> void add(const Plan& plan, arguments a) {
    steps_.emplace_back(dnnl::primitive(plan.get()), std::move(a));
  }

  template <class Plan> void once(const Plan& plan, const arguments& a) {
    dnnl::primitive(plan.get()).execute(stream_, a);
    stream_.wait();
  }
  void run() {
    for (const auto& [primitive, a] : steps_) primitive.execute(stream_, a);
    stream_.wait();
  }
  std::vector<float> sample(memory m) { return sample(m, plain(m.get_desc().dims())); }
  std::vector<float> sample(memory m, const desc& order) {
    std::vector<float> rows(m.get_desc().get_size() / sizeof(float));
    memory to(order, engine_, rows.data());
    dnnl::reorder(m, to).execute(stream_, m, to);
    stream_.wait();
    std::int64_t size = 1;
    for (const std::int64_t s : m.get_desc().dims()) size *= s;
    return sampled(rows.data(), size);
  }

 private:
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::vector<std::pair<dnnl::primitive, arguments>> steps_;
};

namespace detail {

inline contestant contestant_of(std::string name, const std::shared_ptr<onednn>& o, std::vector<dnnl::memory> out) {
  return {.name = std::move(name),
          .call = [=] { o->run(); },
          .result =
              [=] {
                results all;
                for (const dnnl::memory& m : out) all.push_back(o->sample(m));
                return all;
              }};
}

}  // namespace detail

// dy without values: the way forward alone, as in inference. x (N, C, H, W), w (K, C / groups, R, S), b (K,).
inline contestant onednn_conv(std::string name, dnnl::algorithm algorithm, const view& x, const view& w, const view& b,
                              const view& dy, const window& at) {
  using namespace dnnl;
  const auto o = std::make_shared<onednn>();
  const bool train = dy.values != nullptr;
  memory::dims weights = w.sizes;
  if (at.groups > 1) weights[0] /= at.groups, weights.insert(weights.begin(), at.groups);
  const memory::dims stride{at.stride, at.stride}, padding{at.padding, at.padding};
  const memory::desc any_x = onednn::any(x.sizes), any_w = onednn::any(weights), any_y = onednn::any(dy.sizes),
                     bias = onednn::plain(b.sizes);
  const auto forward = o->plan<convolution_forward>({train ? prop_kind::forward_training : prop_kind::forward_inference,
                                                     algorithm, any_x, any_w, bias, any_y, stride, padding, padding});
  memory y = o->empty(forward.dst_desc());
  o->add(forward, {{DNNL_ARG_SRC, o->filled(forward.src_desc(), x)},
                   {DNNL_ARG_WEIGHTS, o->filled(forward.weights_desc(), w)},
                   {DNNL_ARG_BIAS, o->filled(bias, b)},
                   {DNNL_ARG_DST, y}});
  if (!train) return detail::contestant_of(std::move(name), o, {y});
  const auto data =
      o->plan<convolution_backward_data>({algorithm, any_x, any_w, any_y, stride, padding, padding}, forward);
  memory dx = o->empty(data.diff_src_desc());
  o->add(data, {{DNNL_ARG_DIFF_DST, o->filled(data.diff_dst_desc(), dy)},
                {DNNL_ARG_WEIGHTS, o->filled(data.weights_desc(), w)},
                {DNNL_ARG_DIFF_SRC, dx}});
  const auto of_weights =
      o->plan<convolution_backward_weights>({algorithm, any_x, any_w, bias, any_y, stride, padding, padding}, forward);
  memory dw = o->empty(of_weights.diff_weights_desc()), db = o->empty(bias);
  o->add(of_weights, {{DNNL_ARG_SRC, o->filled(of_weights.src_desc(), x)},
                      {DNNL_ARG_DIFF_DST, o->filled(of_weights.diff_dst_desc(), dy)},
                      {DNNL_ARG_DIFF_WEIGHTS, dw},
                      {DNNL_ARG_DIFF_BIAS, db}});
  return detail::contestant_of(std::move(name), o, {y, dx, dw, db});
}

// Largest value of windows that do not overlap, on images in blocks of channels.
inline contestant onednn_max_pool(const view& x, const view& dy, std::int64_t kernel) {
  using namespace dnnl;
  const auto o = std::make_shared<onednn>();
  const bool train = dy.values != nullptr;
  const memory::dims size{kernel, kernel}, none{0, 0};
  const memory::desc of_x = onednn::blocked(x.sizes), of_y = onednn::blocked(dy.sizes);
  const auto forward = o->plan<pooling_forward>({train ? prop_kind::forward_training : prop_kind::forward_inference,
                                                 algorithm::pooling_max, of_x, of_y, size, size, none, none});
  memory y = o->empty(of_y);
  onednn::arguments a{{DNNL_ARG_SRC, o->filled(of_x, x)}, {DNNL_ARG_DST, y}};
  if (train) a.emplace(DNNL_ARG_WORKSPACE, o->empty(forward.workspace_desc()));
  o->add(forward, a);
  if (!train) return detail::contestant_of("oneDNN, blocked", o, {y});
  const auto back = o->plan<pooling_backward>({algorithm::pooling_max, of_x, of_y, size, size, none, none}, forward);
  memory dx = o->empty(of_x);
  o->add(back, {{DNNL_ARG_DIFF_DST, o->filled(of_y, dy)},
                {DNNL_ARG_WORKSPACE, a.at(DNNL_ARG_WORKSPACE)},
                {DNNL_ARG_DIFF_SRC, dx}});
  return detail::contestant_of("oneDNN, blocked", o, {y, dx});
}

// Batch normalisation by the statistics of the batch, or layer normalisation: both scale and shift.
template <class Forward, class Backward>
contestant onednn_norm(std::string name, const dnnl::memory::desc& layout, const view& x, const view& scale,
                       const view& shift, const view& dy, bool forward_training, double epsilon) {
  using namespace dnnl;
  const auto o = std::make_shared<onednn>();
  const bool train = dy.values != nullptr;
  const auto flags = normalization_flags::use_scale | normalization_flags::use_shift;
  const auto forward = o->plan<Forward>({forward_training ? prop_kind::forward_training : prop_kind::forward_inference,
                                         layout, static_cast<float>(epsilon), flags});
  const memory::desc of_scale = onednn::plain(scale.sizes);
  memory y = o->empty(layout);
  onednn::arguments a{{DNNL_ARG_SRC, o->filled(layout, x)},
                      {DNNL_ARG_SCALE, o->filled(of_scale, scale)},
                      {DNNL_ARG_SHIFT, o->filled(of_scale, shift)},
                      {DNNL_ARG_DST, y}};
  if (forward_training) {
    a.emplace(DNNL_ARG_MEAN, o->empty(forward.mean_desc()));
    a.emplace(DNNL_ARG_VARIANCE, o->empty(forward.variance_desc()));
  }
  o->add(forward, a);
  if (!train) return detail::contestant_of(std::move(name), o, {y});
  const auto back =
      o->plan<Backward>({prop_kind::backward, layout, layout, static_cast<float>(epsilon), flags}, forward);
  memory dx = o->empty(layout), dscale = o->empty(of_scale), dshift = o->empty(of_scale);
  a.erase(DNNL_ARG_DST);
  a.emplace(DNNL_ARG_DIFF_DST, o->filled(layout, dy));
  a.emplace(DNNL_ARG_DIFF_SRC, dx);
  a.emplace(DNNL_ARG_DIFF_SCALE, dscale);
  a.emplace(DNNL_ARG_DIFF_SHIFT, dshift);
  o->add(back, a);
  return detail::contestant_of(std::move(name), o, {y, dx, dscale, dshift});
}

// Steps of an LSTM from a state of zeros: x (T, N, in), w_ih (4 hidden, in), w_hh (4 hidden, hidden), b (4 hidden,) the
// sum of both biases, dy (T, N, hidden). The gradient of b is given twice, for each of both. The state is given and its
// gradient asked for: without it oneDNN 2.6 gets the gradient of w_hh wrong.
inline contestant onednn_lstm(const view& x, const view& w_ih, const view& w_hh, const view& b, const view& dy) {
  using namespace dnnl;
  const auto o = std::make_shared<onednn>();
  const bool train = dy.values != nullptr;
  const std::int64_t in = x.sizes[2], hidden = dy.sizes[2];
  const memory::dims of_input{1, 1, in, 4, hidden}, of_hidden{1, 1, hidden, 4, hidden}, of_bias{1, 1, 4, hidden};
  const memory::desc none, of_x = onednn::plain(x.sizes), of_y = onednn::plain(dy.sizes),
                           any_ih = onednn::any(of_input), any_hh = onednn::any(of_hidden),
                           bias = onednn::plain(of_bias), state = onednn::plain({1, 1, x.sizes[1], hidden});
  const auto direction = rnn_direction::unidirectional_left2right;
  const auto weights = [&](const view& w, const memory::dims& sizes, const memory::desc& layout) {
    memory from(onednn::gates_first(sizes), o->engine(), const_cast<float*>(w.values));
    return o->reordered(from, layout);
  };
  const auto zero = [&](const memory::desc& layout) {
    memory out = o->empty(layout);
    std::memset(out.get_data_handle(), 0, layout.get_size());
    return out;
  };
  const auto forward =
      o->plan<lstm_forward>({train ? prop_kind::forward_training : prop_kind::forward_inference, direction, of_x, state,
                             state, any_ih, any_hh, none, none, bias, of_y, none, none});
  memory y = o->empty(of_y);
  onednn::arguments a{{DNNL_ARG_SRC_LAYER, o->filled(of_x, x)},
                      {DNNL_ARG_SRC_ITER, zero(state)},
                      {DNNL_ARG_SRC_ITER_C, zero(state)},
                      {DNNL_ARG_WEIGHTS_LAYER, weights(w_ih, of_input, forward.weights_layer_desc())},
                      {DNNL_ARG_WEIGHTS_ITER, weights(w_hh, of_hidden, forward.weights_iter_desc())},
                      {DNNL_ARG_BIAS, o->filled(bias, {of_bias, b.values})},
                      {DNNL_ARG_DST_LAYER, y}};
  if (train) a.emplace(DNNL_ARG_WORKSPACE, o->empty(forward.workspace_desc()));
  o->add(forward, a);
  if (!train) return detail::contestant_of("oneDNN", o, {y});
  const lstm_backward::desc d(prop_kind::backward, direction, of_x, state, state, any_ih, any_hh, none, none, bias,
                              of_y, none, none, of_x, state, state, any_ih, any_hh, none, none, bias, of_y, none, none);
  const auto back = o->plan<lstm_backward>(d, forward);
  memory dx = o->empty(of_x), dw_ih = o->empty(back.diff_weights_layer_desc()),
         dw_hh = o->empty(back.diff_weights_iter_desc()), db = o->empty(bias);
  a[DNNL_ARG_WEIGHTS_LAYER] = weights(w_ih, of_input, back.weights_layer_desc());
  a[DNNL_ARG_WEIGHTS_ITER] = weights(w_hh, of_hidden, back.weights_iter_desc());
  for (const auto& [place, m] : onednn::arguments{{DNNL_ARG_DIFF_DST_LAYER, o->filled(of_y, dy)},
                                                  {DNNL_ARG_DIFF_SRC_LAYER, dx},
                                                  {DNNL_ARG_DIFF_SRC_ITER, o->empty(state)},
                                                  {DNNL_ARG_DIFF_SRC_ITER_C, o->empty(state)},
                                                  {DNNL_ARG_DIFF_WEIGHTS_LAYER, dw_ih},
                                                  {DNNL_ARG_DIFF_WEIGHTS_ITER, dw_hh},
                                                  {DNNL_ARG_DIFF_BIAS, db}})
    a.emplace(place, m);
  o->add(back, a);
  return {.name = "oneDNN",
          .call =
              [=] {
                for (const memory& sum : {dw_ih, dw_hh, db})  // gradients are added to them
                  std::memset(sum.get_data_handle(), 0, sum.get_desc().get_size());
                o->run();
              },
          .result =
              [=] {
                const std::vector<float> of_b = o->sample(db);
                return results{o->sample(y),
                               o->sample(dx),
                               o->sample(dw_ih, onednn::gates_first(of_input)),
                               o->sample(dw_hh, onednn::gates_first(of_hidden)),
                               of_b,
                               of_b};
              }};
}

inline contestant onednn_softmax(const view& x) {
  using namespace dnnl;
  const auto o = std::make_shared<onednn>();
  const memory::desc layout = onednn::plain(x.sizes);
  const auto plan =
      o->plan<softmax_forward>({prop_kind::forward_inference, layout, static_cast<int>(x.sizes.size()) - 1});
  memory y = o->empty(layout);
  o->add(plan, {{DNNL_ARG_SRC, o->filled(layout, x)}, {DNNL_ARG_DST, y}});
  return detail::contestant_of("oneDNN", o, {y});
}

inline contestant onednn_function(dnnl::algorithm f, const view& x) {
  using namespace dnnl;
  const auto o = std::make_shared<onednn>();
  const memory::desc layout = onednn::plain(x.sizes);
  const auto plan = o->plan<eltwise_forward>({prop_kind::forward_inference, f, layout, 0.0f, 0.0f});
  memory y = o->empty(layout);
  o->add(plan, {{DNNL_ARG_SRC, o->filled(layout, x)}, {DNNL_ARG_DST, y}});
  return detail::contestant_of("oneDNN", o, {y});
}

inline contestant onednn_add(const view& a, const view& b) {
  using namespace dnnl;
  const auto o = std::make_shared<onednn>();
  const memory::desc layout = onednn::plain(a.sizes);
  const auto plan = o->plan<binary>({algorithm::binary_add, layout, layout, layout});
  memory y = o->empty(layout);
  o->add(plan, {{DNNL_ARG_SRC_0, o->filled(layout, a)}, {DNNL_ARG_SRC_1, o->filled(layout, b)}, {DNNL_ARG_DST, y}});
  return detail::contestant_of("oneDNN", o, {y});
}

// x (m, k) W^T + b with W (n, k) and b (n,), or without b. Weights are packed once; gradients read them packed their
// own way.
inline contestant onednn_linear(const view& x, const view& w, const view& b, const view& dy) {
  using namespace dnnl;
  const auto o = std::make_shared<onednn>();
  const bool train = dy.values != nullptr;
  const memory::desc of_x = onednn::plain(x.sizes), of_y = onednn::plain(dy.sizes),
                     of_b = b.sizes.empty() ? memory::desc() : onednn::plain(b.sizes), any_w = onednn::any(w.sizes);
  const auto forward = o->plan<inner_product_forward>(
      {train ? prop_kind::forward_training : prop_kind::forward_inference, of_x, any_w, of_b, of_y});
  memory y = o->empty(of_y), from = o->filled(of_x, x);
  o->add(forward, {{DNNL_ARG_SRC, from},
                   {DNNL_ARG_WEIGHTS, o->filled(forward.weights_desc(), w)},
                   {DNNL_ARG_BIAS, b.sizes.empty() ? memory() : o->filled(of_b, b)},
                   {DNNL_ARG_DST, y}});
  if (!train) return detail::contestant_of("oneDNN inner product", o, {y});
  const auto data = o->plan<inner_product_backward_data>({of_x, any_w, of_y}, forward);
  memory dx = o->empty(of_x), given = o->filled(of_y, dy);
  o->add(data,
         {{DNNL_ARG_DIFF_DST, given}, {DNNL_ARG_WEIGHTS, o->filled(data.weights_desc(), w)}, {DNNL_ARG_DIFF_SRC, dx}});
  const auto of_weights = o->plan<inner_product_backward_weights>({of_x, any_w, of_b, of_y}, forward);
  memory dw = o->empty(of_weights.diff_weights_desc()), db = o->empty(of_b);
  o->add(of_weights,
         {{DNNL_ARG_SRC, from}, {DNNL_ARG_DIFF_DST, given}, {DNNL_ARG_DIFF_WEIGHTS, dw}, {DNNL_ARG_DIFF_BIAS, db}});
  return detail::contestant_of("oneDNN inner product", o, {y, dx, dw, db});
}

// x (m, k) B with B (k, n), or with (n, k) of a layer. B is packed once.
inline contestant onednn_matmul(const view& x, const view& b, bool layer, std::int64_t n) {
  using namespace dnnl;
  const auto o = std::make_shared<onednn>();
  const std::int64_t m = x.sizes[0], k = x.sizes[1];
  const memory::desc of_x = onednn::plain(x.sizes), of_y = onednn::plain({m, n}),
                     given({k, n}, memory::data_type::f32, layer ? memory::format_tag::ba : memory::format_tag::ab);
  const auto plan = o->plan<matmul>({of_x, onednn::any({k, n}), of_y});
  memory from(given, o->engine(), const_cast<float*>(b.values)), y = o->empty(of_y);
  o->add(plan, {{DNNL_ARG_SRC, o->filled(of_x, x)},
                {DNNL_ARG_WEIGHTS, o->reordered(from, plan.weights_desc())},
                {DNNL_ARG_DST, y}});
  return detail::contestant_of("oneDNN matmul prepacked", o, {y});
}

// Whole numbers: x (m, k) from 0 to 1 in 7 bits, because oneDNN adds pairs of products in 16 bits where the machine has
// no better instruction, times B of a layer (n, k) from -1 to 1 in 8 bits, packed once.
// `floats`: with the steps that bring x there and the sums back.
inline contestant onednn_int8_matmul(const view& x, const view& b, bool floats) {
  using namespace dnnl;
  using type = memory::data_type;
  const auto o = std::make_shared<onednn>();
  const std::int64_t m = x.sizes[0], n = b.sizes[0], k = b.sizes[1];
  const float up = 127, up_weight = 127, down = 1 / (up * up_weight);
  const memory::desc of_x({m, k}, type::u8, memory::format_tag::ab), packed({k, n}, type::s8, memory::format_tag::any),
      of_y({m, n}, floats ? type::f32 : type::s32, memory::format_tag::ab),
      given({k, n}, type::f32, memory::format_tag::ba);
  const auto scaled = [](float factor) {
    primitive_attr out;
    out.set_output_scales(0, {factor});
    return out;
  };
  const matmul::primitive_desc plan({of_x, packed, of_y}, floats ? scaled(down) : primitive_attr(), o->engine());
  memory from(onednn::plain(x.sizes), o->engine(), const_cast<float*>(x.values)),
      whole = o->empty(of_x), weights(given, o->engine(), const_cast<float*>(b.values)),
      b8 = o->empty(plan.weights_desc()), y = o->empty(of_y);
  const auto to_whole = [&](memory& in, memory& out, float factor) {
    return reorder::primitive_desc(in, out, scaled(factor));
  };
  o->once(to_whole(weights, b8, up_weight), {{DNNL_ARG_FROM, weights}, {DNNL_ARG_TO, b8}});
  o->once(to_whole(from, whole, up), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, whole}});
  if (floats) o->add(to_whole(from, whole, up), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, whole}});
  o->add(plan, {{DNNL_ARG_SRC, whole}, {DNNL_ARG_WEIGHTS, b8}, {DNNL_ARG_DST, y}});
  contestant out{.name = floats ? "oneDNN matmul u8s8, from and to floats" : "oneDNN matmul u8s8s32 prepacked",
                 .call = [=] { o->run(); }};
  out.result = [=] {
    std::vector<float> rows(static_cast<std::size_t>(m * n));
    for (std::size_t i = 0; i < rows.size(); ++i)
      rows[i] = floats ? static_cast<const float*>(y.get_data_handle())[i]
                       : down * static_cast<float>(static_cast<const std::int32_t*>(y.get_data_handle())[i]);
    return results{sampled(rows.data(), m * n)};
  };
  return out;
}

}  // namespace bench
