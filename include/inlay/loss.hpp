// Room `loss`: what training makes small.
#pragma once

#include "loss/cross_entropy.hpp"
#include "loss/mse.hpp"
