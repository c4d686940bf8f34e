// Room `optim`: how weights move. Every optimiser takes a model and a config, and has step() and zero_grad().
#pragma once

#include "optim/adagrad.hpp"
#include "optim/adam.hpp"
#include "optim/adamw.hpp"
#include "optim/clip.hpp"
#include "optim/ema.hpp"
#include "optim/lion.hpp"
#include "optim/optimizer.hpp"
#include "optim/reduce_lr_on_plateau.hpp"
#include "optim/rmsprop.hpp"
#include "optim/schedule.hpp"
#include "optim/schedules.hpp"
#include "optim/sgd.hpp"
