# The rooms of include/inlay in the order of their floors.

function room_on(list, floor_number,    part, n, i) {
  n = split(list, part, " ")
  for (i = 1; i <= n; i++) {
    rooms[++room_count] = part[i]
    floor[part[i]] = sees[part[i]] = floor_number
  }
}

# A room sees itself and the rooms on lower floors. (ops stand above autograd, cuda beside kernels.)
BEGIN {
  room_on("core", 0); room_on("kernels", 1); room_on("cuda", 1.5); room_on("autograd", 2); room_on("ops", 2.5)
  room_on("nn io", 3); room_on("loss optim data metrics graph", 4); room_on("train", 5)
  room_on("compress explain text models", 6); room_on("onnx registry dist", 7); room_on("serve", 8)
  room_on("testing", 99); sees["testing"] = 5  # nothing may include it, and it sees floors 0 to 4
}
