# shellcheck shell=bash
# Debian kernels for virtual machines, downloaded and unpacked but never installed, and initramfs images around busybox:
# sourced, not run. The caller sets `program`, its name in messages, and has `say` and `fail STATUS MESSAGE`
# (scripts/lib/build.sh).

# depmod and modprobe live in /usr/sbin, which is not on everybody's path.
PATH=$PATH:/usr/sbin:/sbin

# need_tools TOOL...: fails when one is missing.
need_tools() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || fail 1 "$tool is missing: run scripts/install-deps host"
  done
}

# "package version" of the kernel image that a meta package stands for; empty when the package sources do not know it.
resolve_kernel() {
  local package version
  package=$(apt-cache depends "$1" 2>/dev/null | awk '$1 == "Depends:" {print $2; exit}')
  [ -n "$package" ] || return 0
  version=$(apt-cache policy "$package" | awk '$1 == "Candidate:" {print $2}')
  [ -z "$version" ] || echo "$package $version"
}

# refresh_sources WHY
refresh_sources() {
  [ "$(id -u)" -eq 0 ] || fail 1 "$1: run 'sudo apt-get update' and try again"
  say "refreshing the package lists"
  apt-get update -qq || fail 1 "apt-get update failed: no package source can be reached"
}

# need_space DIRECTORY MEBIBYTES
need_space() {
  local free_mib
  free_mib=$(df -Pm "$1" | awk 'NR == 2 {print $4}')
  [ "$free_mib" -ge "$2" ] || fail 1 "$1 has $free_mib MiB free, $2 MiB are needed"
}

# As root, apt would hand the download to a user who cannot write here.
download_package() { (cd "$2" && apt-get download -q -o APT::Sandbox::User=root "${1/ /=}" >&2); }

# fetch_kernel META WORK: downloads the kernel and unpacks it in WORK/package, with its modules' dependencies worked out.
# Prints "package version" as resolve_kernel does; it may be a newer one than asked before.
fetch_kernel() {
  local meta=$1 work=$2 kernel
  kernel=$(resolve_kernel "$meta")
  if [ -z "$kernel" ]; then
    refresh_sources "no package source knows $meta"
    kernel=$(resolve_kernel "$meta")
    [ -n "$kernel" ] || fail 1 "no package source offers $meta: is Debian's archive in /etc/apt/sources.list?"
  fi
  say "downloading ${kernel/ /, version }"
  if ! download_package "$kernel" "$work"; then
    # Lists older than the archive name packages that are gone.
    refresh_sources "$kernel cannot be downloaded"
    kernel=$(resolve_kernel "$meta")
    download_package "$kernel" "$work" || fail 1 "cannot download $kernel"
  fi
  dpkg-deb -x "$work"/*.deb "$work/package" || fail 1 "cannot unpack $kernel (is the disk full?)"
  rm "$work"/*.deb
  depmod -b "$work/package" "$(kernel_release "$work/package")"
  echo "$kernel"
}

# Such as "6.1.0-50-amd64".
kernel_release() { ls "$1/lib/modules"; }

# begin_initramfs TREE INIT: a tree with busybox and the script that is its first program.
begin_initramfs() {
  mkdir -p "$1/bin" "$1/modules"
  cp "$(command -v busybox)" "$1/bin/busybox"
  install -m 755 "$2" "$1/init"
}

# add_modules TREE PACKAGE MODULE...: the modules and what they need; TREE/modules/order lists them in the order of loading.
add_modules() {
  local tree=$1 package=$2 release module path
  shift 2
  release=$(kernel_release "$package")
  # Lines are "insmod /path/to/module.ko" in the order of loading, or "builtin name".
  for module in "$@"; do
    modprobe -d "$package" -S "$release" --show-depends "$module" || fail 1 "$release has no module $module"
  done | awk '$1 == "insmod" && !seen[$2]++ {print $2}' |
    while read -r path; do
      cp "$path" "$tree/modules/"
      basename "$path"
    done >"$tree/modules/order"
}

# pack_initramfs TREE IMAGE
pack_initramfs() {
  (cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc --reproducible -R 0:0) >"$2"
}
