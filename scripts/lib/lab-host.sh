# shellcheck shell=bash
# Boots a lab host, passes on what its command prints, and ends it in any case. Sourced by scripts/lab, whose options are
# globals: kernel, timeout, memory, cpus, threads, hosts, command and verb.

# From power-on to the moment at which the host takes its order. Measured: 5 to 8 s on an idle machine.
boot_limit=120
# For a host that was told to end.
end_limit=10

# A panic ends the machine. Emulated timers are late on a busy machine, which must not fail the boot; the clock is this
# machine's own, which is reliable and cheap to read. Mitigations cost most where every jump is emulated.
# rcu_expedited: each hook that is let go of waits for RCU, which takes an emulated host its longest.
lab_kernel_words=(console=ttyS0 quiet rcupdate.rcu_expedited=1 panic=-1 no_timer_check tsc=reliable mitigations=off lsm=lockdown,capability,bpf)

# A processor whose virtualisation extension QEMU emulates too. Linux finds SMT siblings of an EPYC by topoext alone, which
# is nothing but answers of cpuid that QEMU has, though it believes that its emulation lacks them; what its emulation of an
# EPYC does lack is named, so that nothing else is forced. Without QEMU's warnings of it.
lab_processor=EPYC,+svm,+npt,+topoext,x-force-features=on
lab_processor+=,-rdseed,-sha-ni,-fxsr-opt,-misalignsse,-3dnowprefetch,-osvw,-nrip-save,-xsavec

# Of several hosts: which one this is, and the directory of the sockets that join their networks.
host=1 lan=''
work='' qemu='' writers=()

# Ends what runs and removes what was made, at every way out.
clean_up() {
  trap '' INT TERM HUP
  if [ -n "$qemu" ]; then
    kill -KILL "$qemu" 2>/dev/null || true
    wait "$qemu" 2>/dev/null || true
  fi
  [ -z "$work" ] || rm -rf "$work"
  # Shell mode: QEMU may not have had the time to give the terminal back.
  [ -z "${terminal-}" ] || stty "$terminal"
}

show_console() {
  say "the end of the host's console:"
  tail -n 40 "$work/console" >&2
}

# What the host reads first: an initramfs that is laid over the kernel's one, with its init, settings and command.
write_order() {
  local name order=$work/order/lab shell=no
  [ "$verb" != shell ] || shell=yes
  mkdir -p "$order"
  cp "$root/tests/lab/init" "$order/init"
  printf '%s=%q\n' tree "$root" modules "$(echo "$lab_dir/$kernel/modules"/*)" hostname "lab-$host" host "$host" hosts "$hosts" shell "$shell" >"$order/host"
  {
    for name in $(compgen -e BULKHEAD_); do printf 'export %s=%q\n' "$name" "${!name}"; done
    printf 'export BULKHEAD_LAB_KERNEL=%q BULKHEAD_LAB_HOST=%q\n' "$kernel" "$host"
    printf 'cd %q || exit 125\n' "$build"
    if [ "$shell" = yes ]; then
      printf 'export TERM=%q\n' "${TERM:-vt100}"
      stty -a | sed -n 's/.*rows \([0-9]*\); columns \([0-9]*\);.*/stty rows \1 columns \2/p'
    fi
    printf 'exec'
    printf ' %q' "${command[@]}"
    echo
  } >"$order/command"
  pack_initramfs "$work/order" "$work/order.cpio"
  cat "$lab_dir/$kernel/initramfs" "$work/order.cpio" >"$work/initramfs"
}

# port NAME CHARDEV...: a virtio port of that name.
port() {
  qemu_words+=(-chardev "$2,id=$1" -device "virtserialport,name=$1,chardev=$1")
}

# One Ethernet for all hosts: a hub in the first one's QEMU, to which the others connect. No address of the machine's is
# used, so that nobody else can take part.
join_lan() {
  local other nic=virtio-net-pci,mac=52:54:00:6c:61:0$host
  if [ "$host" -ne 1 ]; then
    qemu_words+=(-netdev "stream,id=lan,server=off,addr.type=unix,addr.path=$lan/$host" -device "$nic,netdev=lan")
    return
  fi
  qemu_words+=(-netdev hubport,id=lan,hubid=0 -device "$nic,netdev=lan")
  for ((other = 2; other <= hosts; other++)); do
    qemu_words+=(-netdev "stream,id=to-$other,server=on,addr.type=unix,addr.path=$lan/$other")
    qemu_words+=(-netdev "hubport,id=port-$other,hubid=0,netdev=to-$other")
  done
}

compose_qemu() {
  local image=$lab_dir/$kernel
  qemu_words=(
    qemu-system-x86_64 -name bulkhead-lab -nodefaults -no-user-config -display none -no-reboot
    -accel tcg,thread=multi -cpu "$lab_processor" -smp "$cpus,sockets=1,threads=$threads" -m "$memory"
    -kernel "$image/kernel" -initrd "$work/initramfs"
    -append "${lab_kernel_words[*]}"
    -chardev "file,id=console,path=$work/console" -serial chardev:console
    # The machine's root, without anything to write: multidevs, because it spans several file systems.
    -fsdev local,id=machine,path=/,security_model=passthrough,readonly=on,multidevs=remap
    -device virtio-9p-pci,fsdev=machine,mount_tag=machine
    -fsdev "local,id=packages,path=$lab_packages,security_model=passthrough,readonly=on"
    -device virtio-9p-pci,fsdev=packages,mount_tag=packages
    -device virtio-serial-pci
  )
  [ "$hosts" -eq 1 ] || join_lan
  port status "file,path=$work/status"
  if [ "$verb" = shell ]; then
    qemu_words+=(-chardev stdio,id=terminal,signal=off -device virtconsole,chardev=terminal)
  else
    port stdout "file,path=$work/stdout"
    port stderr "file,path=$work/stderr"
  fi
}

# Of several hosts, each line says which one it is from.
pass_on() {
  if [ "$hosts" -eq 1 ]; then cat "$1"; else sed -u "s/^/lab-$host: /" "$1"; fi
}

# In a session of its own, so that Ctrl-C is for us; the kernel ends it with us, should we be killed.
start_qemu() {
  mkfifo "$work/status"
  # For reading and writing: neither end waits for the other to open it.
  exec {status}<>"$work/status"
  if [ "$verb" = shell ]; then
    terminal=$(stty -g)
    setpriv --pdeathsig KILL "${qemu_words[@]}" 2>"$work/qemu.log" <&0 &
    qemu=$!
    return
  fi
  mkfifo "$work/stdout" "$work/stderr"
  # QEMU opens its end for writing; the ends of these tell that it is gone.
  pass_on "$work/stdout" &
  writers+=($!)
  pass_on "$work/stderr" >&2 &
  writers+=($!)
  setsid setpriv --pdeathsig KILL "${qemu_words[@]}" >"$work/qemu.log" 2>&1 </dev/null &
  qemu=$!
}

# next_word SECONDS: the next line on the status port goes to `word`. Fails when the time is up (`word` is "late") or
# the machine ended ("gone").
next_word() {
  local deadline=$((SECONDS + $1)) begun=''
  while true; do
    word=''
    # What came of a line before the time was up is in the variable, and comes no second time.
    if read -r -t 1 -u "$status" word; then
      word=$begun$word
      return 0
    fi
    begun+=$word
    # Once more after its end: the line may have come just before.
    if ! kill -0 "$qemu" 2>/dev/null; then
      if read -r -t 0.1 -u "$status" word; then
        word=$begun$word
        return 0
      fi
      word=gone
      return 1
    fi
    if [ "$SECONDS" -ge "$deadline" ]; then
      word=late
      return 1
    fi
  done
}

# Until QEMU ended by itself and all that it had to say was passed on.
finish() {
  local deadline=$((SECONDS + end_limit))
  while kill -0 "$qemu" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ]; do
    read -r -t 0.1 -u "$status" word || true
  done
  kill -KILL "$qemu" 2>/dev/null || true
  wait "$qemu" 2>/dev/null || true
  qemu=''
  [ ${#writers[@]} -eq 0 ] || wait "${writers[@]}"
}

# Until the first host's QEMU listens.
await_lan() {
  local deadline=$((SECONDS + end_limit))
  while [ ! -S "$lan/$host" ] && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.1; done
  [ -S "$lan/$host" ] || fail 125 "there is no network of the first host's within $end_limit s"
}

# Exits with the command's status.
run_in_lab() {
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  work=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-lab-XXXXXX")
  write_order
  compose_qemu
  [ "$host" -eq 1 ] || await_lan
  start_qemu
  if ! next_word "$boot_limit"; then
    [ "$word" = late ] && say "the host did not come up within $boot_limit s" || say "QEMU ended: $(tail -n 1 "$work/qemu.log")"
    show_console
    exit 125
  fi
  [ "$word" = ready ] || fail 125 "the host said '$word' instead of ready"
  if ! next_word "$timeout"; then
    if [ "$word" = late ]; then
      kill -KILL "$qemu" 2>/dev/null || true
      finish
      say "the command took longer than $timeout s"
      exit 124
    fi
    finish
    say "the host went down before the command ended"
    show_console
    exit 125
  fi
  local ended=$word
  finish
  [[ "$ended" =~ ^exit\ [0-9]+$ ]] || fail 125 "the host said '$ended' instead of a status"
  exit "${ended#exit }"
}

end_hosts() {
  trap '' INT TERM HUP
  kill -TERM "${!running[@]}" 2>/dev/null || true
  wait
  rm -rf "$lan"
}

# The same command in all hosts, side by side. Exits with 125 or 124 when that happened to one of them, which ends the
# others; else with the first status that is not 0.
run_in_labs() {
  local ended status result=0
  declare -gA running=()
  lan=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-lab-XXXXXX")
  trap end_hosts EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  for ((host = 1; host <= hosts; host++)); do
    run_in_lab &
    running[$!]=$host
  done
  while [ ${#running[@]} -gt 0 ]; do
    status=0
    wait -n -p ended "${!running[@]}" || status=$?
    unset "running[$ended]"
    case "$status" in 124 | 125) exit "$status" ;; esac
    [ "$result" -ne 0 ] || result=$status
  done
  exit "$result"
}
