# shellcheck shell=bash
# What a lab host boots: a kernel of the list and an initramfs, in build/lab/<name>; and the packages that only lab hosts
# have, in build/lab/packages. Sourced by scripts/lab after build.sh and kernel-image.sh.

lab_dir=$root/build/lab
lab_packages=$lab_dir/packages
lab_kernels=$root/tests/lab/kernels
# Drivers that the initramfs needs to reach the root file system and the ports.
lab_modules=(virtio_pci 9p 9pnet_virtio overlay virtio_console)
lab_needed_mib=900

# "NAME PACKAGE" of each kernel.
kernel_rows() { grep -v '^ *\(#\|$\)' "$lab_kernels"; }

default_kernel() { kernel_rows | awk 'NR == 1 {print $1}'; }

# package_of NAME; empty when it is not in the list.
package_of() { kernel_rows | awk -v name="$1" '$1 == name {print $2; exit}'; }

# What an image is made by: another recipe makes another image.
lab_recipe() {
  cat "$root/scripts/lib/lab-image.sh" "$root/scripts/lib/kernel-image.sh" "$root/tests/lab/early-init" \
    "$(command -v busybox)" | sha256sum | cut -c1-16
}

# The stamp is "package version recipe".
has_image() {
  [ -s "$lab_dir/$1/kernel" ] && [ -s "$lab_dir/$1/initramfs" ] &&
    [ "$(awk '{print $3}' "$lab_dir/$1/stamp" 2>/dev/null)" = "$(lab_recipe)" ]
}

# unpack_vmlinux VMLINUZ VMLINUX: the kernel itself, whose decompression takes an emulated processor 6 s. Fields of the
# header are those of the x86 boot protocol (Documentation/arch/x86/boot.rst): setup_sects, payload_offset,
# payload_length. Fails when it is compressed by something else than xz or zstd.
unpack_vmlinux() {
  local image=$1 sectors offset length unpack
  sectors=$(od -An -tu1 -j $((0x1f1)) -N1 "$image")
  offset=$(od -An -tu4 -j $((0x248)) -N4 "$image")
  length=$(od -An -tu4 -j $((0x24c)) -N4 "$image")
  offset=$(((sectors + 1) * 512 + offset))
  # The uncompressed size follows the compressed data: what unpacks may complain about it.
  case "$(od -An -tx1 -j "$offset" -N4 "$image")" in
    " fd 37 7a 58") unpack=(xz -dc --single-stream) ;;
    " 28 b5 2f fd") unpack=(zstd -dcq) ;;
    *) return 1 ;;
  esac
  tail -c +$((offset + 1)) "$image" | head -c "$length" | "${unpack[@]}" >"$2" 2>/dev/null || true
  # An ELF file.
  [ "$(head -c 4 "$2" | od -An -tx1)" = " 7f 45 4c 46" ]
}

# fetch_image NAME: downloads the kernel and makes the image, in place of the one that is there.
fetch_image() {
  local name=$1 package work kernel release
  package=$(package_of "$name")
  work=$(mktemp -d "$lab_dir/work.XXXXXX")
  trap 'rm -rf "$work"' RETURN
  kernel=$(fetch_kernel "$package" "$work")
  release=$(kernel_release "$work/package")
  case "$release" in
    "$name"*) ;;
    *) fail 1 "$package is kernel $release, which is no $name: correct $lab_kernels" ;;
  esac
  begin_initramfs "$work/tree" "$root/tests/lab/early-init"
  add_modules "$work/tree" "$work/package" "${lab_modules[@]}"
  mkdir "$work/image"
  pack_initramfs "$work/tree" "$work/image/initramfs"
  unpack_vmlinux "$work/package/boot/vmlinuz-$release" "$work/image/kernel" ||
    mv "$work/package/boot/vmlinuz-$release" "$work/image/kernel"
  mv "$work/package/lib/modules" "$work/image/modules"
  echo "$kernel $(lab_recipe)" >"$work/image/stamp"
  rm -rf "${lab_dir:?}/$name"
  mv "$work/image" "$lab_dir/$name"
  say "made $lab_dir/$name ($release)"
}

# fetch_lab NAME [always]: all that booting this kernel needs. Two at once would disturb each other.
fetch_lab() {
  local name=$1 when=${2-}
  need_tools apt-get apt-cache busybox cpio depmod dpkg-deb flock modprobe qemu-system-x86_64
  mkdir -p "$lab_dir" || fail 1 "cannot make $lab_dir"
  exec {lock}>"$lab_dir/lock"
  flock "$lock"
  if [ "$when" = always ] || ! has_image "$name"; then
    need_space "$lab_dir" "$lab_needed_mib"
    fetch_image "$name"
  fi
  "$root/scripts/install-deps" lab >/dev/null || fail 1 "the packages of lab hosts cannot be unpacked"
  exec {lock}>&-
}
