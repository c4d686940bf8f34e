// The network like LeNet on dlib.
#include "dlib.hpp"

#include <dlib/dnn.h>

#include <algorithm>
#include <deque>
#include <vector>

namespace bench {

namespace {

template <long filters, class Below>
using conv = dlib::relu<dlib::add_layer<dlib::con_<filters, 3, 3, 1, 1, 0, 0>, Below>>;
template <class Below> using pool = dlib::max_pool<2, 2, 2, 2, Below>;
using layers = dlib::loss_multiclass_log<
    dlib::fc<10, dlib::relu<dlib::fc<128, pool<conv<64, pool<conv<32, dlib::input<dlib::matrix<float>>>>>>>>>>;

// By number from the loss down, as dlib counts.
constexpr int scores_layer = 1, hidden_layer = 3, second_layer = 6, first_layer = 9;

class lenet final : public network {
 public:
  explicit lenet(const model& m) {
    const dlib::matrix<float> blank = dlib::zeros_matrix<float>(28, 28);
    dlib::resizable_tensor image;
    net_.to_tensor(&blank, &blank + 1, image);
    net_.subnet().forward(image);  // layers have parameters from then on
    set_conv(dlib::layer<first_layer>(net_).layer_details(), m, "conv1");
    set_conv(dlib::layer<second_layer>(net_).layer_details(), m, "conv2");
    set_dense(dlib::layer<hidden_layer>(net_).layer_details(), m, "hidden");
    set_dense(dlib::layer<scores_layer>(net_).layer_details(), m, "scores");
  }

  void add_batch(const view& x, const std::int64_t* classes) override {
    batch& b = batches_.emplace_back();
    b.x.set_size(x.sizes[0], x.sizes[1], x.sizes[2], x.sizes[3]);
    std::copy_n(x.values, x.size(), b.x.host_write_only());
    b.classes.assign(classes, classes + x.sizes[0]);
  }

  void train(std::size_t at) override {
    loss_ = static_cast<float>(net_.compute_parameter_gradients(batches_[at].x, batches_[at].classes.begin()));
    net_.update_parameters(dlib::make_sstack(solvers_), 1e-3);
  }
  float loss() override { return loss_; }

  void infer(std::size_t at) override { scores_ = &net_.subnet().forward(batches_[at].x); }
  const float* scores() override { return scores_->host(); }
  void call(const float*, float*) override {}

 private:
  struct batch {
    dlib::resizable_tensor x;
    std::vector<unsigned long> classes;
  };

  template <class Layer> static void set_conv(Layer& layer, const model& m, const std::string& path) {
    const view &w = m.at(path + ".weight"), &b = m.at(path + ".bias");
    float* to = layer.get_layer_params().host();
    std::copy_n(b.values, b.size(), std::copy_n(w.values, w.size(), to));
  }
  template <class Layer> static void set_dense(Layer& layer, const model& m, const std::string& path) {
    const view &w = m.at(path + ".weight"), &b = m.at(path + ".bias");
    const std::int64_t out = w.sizes[0], in = w.sizes[1];
    float* to = layer.get_layer_params().host();
    for (std::int64_t i = 0; i < in; ++i)
      for (std::int64_t o = 0; o < out; ++o) to[i * out + o] = w.values[o * in + i];
    std::copy_n(b.values, out, to + in * out);
  }

  layers net_;
  std::vector<dlib::adam> solvers_{layers::num_computational_layers, dlib::adam(0, 0.9f, 0.999f)};
  std::deque<batch> batches_;
  const dlib::tensor* scores_ = nullptr;
  float loss_ = 0;
};

}  // namespace

std::unique_ptr<network> make_dlib(const model& m) { return std::make_unique<lenet>(m); }

}  // namespace bench
