# Sourced by tests/run and examples/run: `need PACKAGE CHECK...` notes a Debian/Ubuntu package whose check command fails,
# `install_missing` installs what was noted. Nothing is touched, and no network used, when everything is there.
missing=()

need() {
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || missing+=("$package")
}

has() { command -v "$1"; }
has_header() { printf '#include <%s>\n' "$1" | g++ -x c++ -E - ; }

install_missing() {
  ((${#missing[@]})) || return 0
  local as_root=() packages=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  echo "installing: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq || true
  for package in "${missing[@]}"; do
    # An older release may not know a package: its tests are then skipped by name.
    ! apt-cache show "$package" >/dev/null 2>&1 || packages+=("$package")
  done
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null ||
    echo "some packages could not be installed; going on with what is here"
}
