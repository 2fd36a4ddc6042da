# shellcheck shell=bash
# For scripts that run what they build: sourced, not run. The caller sets `program`, its name in messages. What is said
# goes to stderr: stdout is for alerts.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Where it is built; $BULKHEAD_BUILD_DIR for those who keep several builds.
build=${BULKHEAD_BUILD_DIR:-$root/build/release}
bin=$build/bin

say() { echo "$program: $*" >&2; }

fail() {
  local status=$1
  shift
  say "$*"
  exit "$status"
}

need_root() {
  [ "$(id -u)" -eq 0 ] || fail 4 "root is needed (BPF, namespaces, packages): run 'sudo scripts/$program'"
}

# A C++ file here takes up to 1.5 GB to compile.
jobs() {
  local by_memory
  by_memory=$(awk '/^MemAvailable:/ {print int($2 / 1500000)}' /proc/meminfo)
  local by_cpu
  by_cpu=$(nproc)
  echo $((by_memory < 1 ? 1 : by_memory < by_cpu ? by_memory : by_cpu))
}

# build_targets TARGET…: configures the release build and builds these.
build_targets() {
  say "building $* in $build (the first time takes minutes)"
  (cd "$root" && cmake --preset release -B "$build" --log-level=WARNING) >&2 || fail 1 "cannot configure the build"
  NINJA_STATUS="$program: building [%f/%t, %e s] " cmake --build "$build" -j "$(jobs)" --target "$@" >&2 ||
    fail 1 "the build failed"
}
