// Room `loss`: what training makes small. A loss takes predictions and targets, and gives one number, or one each.
#pragma once

#include "loss/bce_with_logits.hpp"
#include "loss/cross_entropy.hpp"
#include "loss/embedding.hpp"
#include "loss/hinge.hpp"
#include "loss/huber.hpp"
#include "loss/kl_div.hpp"
#include "loss/mse.hpp"
#include "loss/reduced.hpp"
#include "loss/regularization.hpp"
