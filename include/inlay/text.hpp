// Everything in room `text`: text as tokens, tokens from a language model, labels from a net's steps.
#pragma once

#include "text/ctc_decode.hpp"
#include "text/generate.hpp"
#include "text/mask_tokens.hpp"
#include "text/tokenizer.hpp"
