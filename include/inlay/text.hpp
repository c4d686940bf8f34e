// Everything in room `text`: text as tokens, and tokens from a language model.
#pragma once

#include "text/generate.hpp"
#include "text/mask_tokens.hpp"
#include "text/tokenizer.hpp"
