# The house rules of include/inlay, as one program over all its headers, named from that folder.
# Comes behind rooms.awk. Needs the environment TESTS: the test files, named from tests/. Prints every violation; exits
# 1 if there is one.

BEGIN {
  in_inlay = "core kernels autograd ops nn loss optim"

  max_lines = 600; max_columns = 140; max_median = 150
  untested = "(^|/)(fwd|version|config)[.]hpp$"
  forbidden = "(^|[^A-Za-z0-9_.>])(abort|exit|_Exit|quick_exit|terminate|assert|f?printf|puts) *[(]|std::(cout|cerr|clog)|<iostream>|doctest"

  split(ENVIRON["TESTS"], names, "\n")
  for (i in names) tested[names[i]] = 1
}

function violation(place, text) { print place ": " text; violations++ }

# "" for the roof: the headers that stand directly in include/inlay.
function room(file) { return file ~ "/" ? substr(file, 1, index(file, "/") - 1) : "" }

# The header an #include line names, from include/inlay; "" when it is not one of ours.
function included(line, from,    quoted, name, folder) {
  quoted = line ~ /^[ \t]*#[ \t]*include[ \t]*"/
  name = line
  sub(/^[ \t]*#[ \t]*include[ \t]*["<]/, "", name)
  sub(/[">].*/, "", name)
  if (sub("^inlay/", "", name)) return name
  if (!quoted) return ""
  folder = from
  if (sub("/[^/]*$", "/", folder)) name = folder name
  while (sub("[^/.]+/[.][.]/", "", name)) {}
  return name
}

function check_include(from, to, place) {
  edge[from, to] = 1
  targets[from] = targets[from] " " to
  if (room(from) == "") return
  if (room(to) == "") {
    if (to != "fwd.hpp") violation(place, "a room must not include the roof's " to)
  } else if (!(room(to) in floor)) {
    violation(place, "unknown room " room(to))
  } else if (room(from) != room(to) && floor[room(to)] >= sees[room(from)]) {
    violation(place, room(from) " must not see " room(to))
  }
}

# Depth-first: state 1 = on the path, 2 = done.
function find_cycle(file,    part, n, i) {
  state[file] = 1
  n = split(targets[file], part, " ")
  for (i = 1; i <= n; i++) {
    if (state[part[i]] == 1) violation(file, "include cycle through " part[i])
    else if (!state[part[i]]) find_cycle(part[i])
  }
  state[file] = 2
}

FNR == 1 { files[++count] = FILENAME; inhabited[room(FILENAME)] = 1 }
{ lines[FILENAME] = FNR; place = FILENAME ":" FNR; code = $0 }

{
  width = $0
  gsub(/[\200-\277]/, "", width)  # continuation bytes of UTF-8
  if (length(width) > max_columns) violation(place, "longer than " max_columns " columns")
  sub("//.*", "", code)
}

/^#pragma once/ { once[FILENAME] = 1 }
/^[ \t]*#[ \t]*include[ \t]*["<]/ {
  to = included($0, FILENAME)
  if (to != "") check_include(FILENAME, to, place)
}
# (stb_image is set up by macros; image.hpp takes them back.)
code ~ /^[ \t]*#[ \t]*define[ \t]/ && code !~ /define[ \t]+INLAY_/ && !(FILENAME ~ /^([.]\/)?image[.]hpp$/ && code ~ /define[ \t]+STB/) {
  violation(place, "macro without INLAY_")
}
room(FILENAME) != "" && code ~ forbidden { violation(place, "a guest does not print, exit or test: " $0) }

END {
  for (i = 1; i <= count; i++) {
    file = files[i]
    total[i] = lines[file]
    if (lines[file] > max_lines) violation(file, "longer than " max_lines " lines")
    if (!once[file]) violation(file, "no #pragma once")
    if (!state[file]) find_cycle(file)
    if (room(file) == "") continue
    if (!(room(file) in floor)) violation(file, "unknown room " room(file))
    if (!((room(file) ".hpp", file) in edge) && !(("sequence.hpp", file) in edge))
      violation(file, "not listed in " room(file) ".hpp")
    test = file
    sub(/hpp$/, "cpp", test)
    if (file !~ untested && !(test in tested)) violation(file, "no tests/" test)
  }

  n = split(in_inlay, below, " ")
  for (i = 1; i <= n; i++) {
    belongs[below[i]] = 1
    if (below[i] in inhabited && !(("inlay.hpp", below[i] ".hpp") in edge)) {
      violation("inlay.hpp", "does not list " below[i] ".hpp")
    }
  }
  n = split(targets["inlay.hpp"], part, " ")
  for (i = 1; i <= n; i++) {
    name = part[i]
    sub("[/.].*", "", name)
    if (name != "fwd" && !(name in belongs)) violation("inlay.hpp", "must not hold " part[i])
  }

  for (i = 2; i <= count; i++) {  # insertion sort: a hundred numbers
    for (j = i; j > 1 && total[j - 1] > total[j]; j--) { swap = total[j]; total[j] = total[j - 1]; total[j - 1] = swap }
  }
  median = total[int((count + 1) / 2)]
  if (median > max_median) violation("include/inlay", "the median header has " median " lines, not at most " max_median)
  if (!violations) print count " headers keep the house rules; median " median " lines, longest " total[count]
  exit violations > 0
}
