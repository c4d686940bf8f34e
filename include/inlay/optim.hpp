// Room `optim`: how weights move. Every optimiser takes a model and a config, and has step() and zero_grad().
#pragma once

#include "optim/adam.hpp"
#include "optim/optimizer.hpp"
#include "optim/sgd.hpp"
