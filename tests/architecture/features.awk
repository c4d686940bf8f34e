# The table of what works, made of the first lines of the test sources: "// Shows: dense layers". A text in parentheses
# says what an inner part does and stays out of the table. Comes behind rooms.awk; reads tests/architecture/order, if
# there is one, include/inlay/inlay.hpp and tests/<room>/….cpp. Needs the environment ROOMS: the folders of
# include/inlay. Prints every violation; exits 1 if there is one.

BEGIN {
  room_on("roof", 100)
  label["roof"] = "opt-in"  # what the roof's sources test
  n = split(ENVIRON["ROOMS"], part, "\n")
  for (i = 1; i <= n; i++) inhabited[part[i]] = 1
}

function violation(place, text) { print place ": " text; violations++ }

function tells_nothing(file) {
  violation(file, "expected a first line of the form \"// Shows: what works, in words for the README\"")
}

# The text of a source goes into its room's row, once.
function add(file) {
  if (!(file in text) || added[file]++ || text[file] ~ /^[(][^()]*[)]$/) return
  row[room[file]] = row[room[file]] (row[room[file]] == "" ? "" : "; ") text[file]
}

FILENAME ~ /\/order$/ {
  if (/^#/) next
  for (i = 1; i <= NF; i++) {
    if ($i ~ /:$/) { of = $i; sub(/:$/, "", of) } else listed[++listed_count] = "tests/" of "/" $i ".cpp"
  }
  next
}

FILENAME ~ /\.hpp$/ {
  if (/^#include "[a-z_]+[.]hpp"/) { gsub(/^#include "|[.]hpp".*$/, ""); in_inlay[$0] = 1 }
  next
}

FNR == 1 {
  width = $0
  gsub(/[\200-\277]/, "", width)  # continuation bytes of UTF-8
  if (!sub("^// Shows: ", "")) tells_nothing(FILENAME)
  else if ($0 ~ /[|]/ || length(width) > 120 || $0 !~ /[^ ]/)
    violation(FILENAME, "expected one line of at most 120 characters without |: " $0)
  text[FILENAME] = $0
}

END {
  for (i = 1; i < ARGC; i++) {
    file = ARGV[i]
    if (file !~ /[.]cpp$/) continue
    if (!(file in text)) tells_nothing(file)
    split(file, part, "/")
    room[file] = part[2]
    tested[part[2]] = 1
  }
  for (i = 1; i <= listed_count; i++) {
    if (!(listed[i] in text)) violation("tests/architecture/order", "there is no " listed[i])
    add(listed[i])
  }
  for (i = 1; i < ARGC; i++) add(ARGV[i])

  for (i = 1; i <= room_count; i++) {
    name = rooms[i]
    if (inhabited[name] && !tested[name]) violation("include/inlay/" name, "no test sources in tests/" name)
    else if (tested[name] && row[name] == "") violation("tests/" name, "no source shows anything")
  }
  if (violations) exit 1

  print "| room | what is there |"
  print "|---|---|"
  for (i = 1; i <= room_count; i++) {
    name = rooms[i]
    if (row[name] == "") continue
    hint = name in label || name in in_inlay ? "" : " (`#include <inlay/" name ".hpp>`)"
    print "| " (name in label ? label[name] : "`" name "`") " | " row[name] hint " |"
  }
}
