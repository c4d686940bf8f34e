// Measures on data that the model is not trained on, after each epoch: "val_loss", "val_accuracy", …
//   train::validation check{net, data::loader{test}, loss, train::named{"accuracy", metrics::accuracy{}}};
#pragma once

#include <tuple>

#include "evaluate.hpp"

namespace inlay::inline v0_1::train {

template <class M, class Loader, class Loss, class... Metric> class validation final : public callback {
 public:
  // The model must live as long as this; it may be another than the one that is trained, such as an average.
  validation(const M& net, Loader loader, Loss loss, named<Metric>... metrics)
      : validation("val_", net, std::move(loader), std::move(loss), std::move(metrics)...) {}

  // With another beginning of the names, for a second one.
  validation(std::string prefix, const M& net, Loader loader, Loss loss, named<Metric>... metrics)
      : prefix_(std::move(prefix)),
        net_(net),
        loader_(std::move(loader)),
        loss_(std::move(loss)),
        metrics_(std::move(metrics)...) {}

  void after_epoch(state& run) override {
    std::apply(
        [&](const auto&... metrics) {
          for (measure& m : evaluate(net_, loader_, loss_, metrics...))
            run.values.push_back({prefix_ + m.name, m.value});
        },
        metrics_);
  }

  // A loader that shuffles or augments goes on with the epoch it would have had.
  void keep(member_visitor& visit) override {
    if constexpr (module<Loader>) visit("loader", loader_);
  }

 private:
  std::string prefix_;
  const M& net_;
  Loader loader_;
  Loss loss_;
  std::tuple<named<Metric>...> metrics_;
};

}  // namespace inlay::inline v0_1::train
