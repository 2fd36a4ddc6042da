# BPF objects, embedded through bpftool's skeleton headers ("ebpf/skeletons/<name>.skel.h").
set(BULKHEAD_BPF_DIR ${CMAKE_BINARY_DIR}/ebpf/generated)
file(MAKE_DIRECTORY ${BULKHEAD_BPF_DIR}/ebpf/skeletons)
file(GLOB bpf_headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/ebpf/lib/*.bpf.h ${CMAKE_SOURCE_DIR}/ebpf/records/*.h)

add_custom_command(
  OUTPUT ${BULKHEAD_BPF_DIR}/vmlinux.h
  COMMAND ${BULKHEAD_BPFTOOL} btf dump file ${BULKHEAD_VMLINUX_BTF} format c > ${BULKHEAD_BPF_DIR}/vmlinux.h
  COMMENT "Generating vmlinux.h from ${BULKHEAD_VMLINUX_BTF}")
add_custom_target(bulkhead_vmlinux DEPENDS ${BULKHEAD_BPF_DIR}/vmlinux.h)

# bulkhead_skeletons(bulkhead_ebpf memory/ptrace …): an interface library whose users may include the skeletons of these
# sources (<path>.bpf.c in the current folder).
function(bulkhead_skeletons library)
  set(skeletons)
  foreach(source ${ARGN})
    get_filename_component(name ${source} NAME)
    set(object ${BULKHEAD_BPF_DIR}/${name}.bpf.o)
    set(linked ${BULKHEAD_BPF_DIR}/${name}.linked.bpf.o)
    set(skeleton ${BULKHEAD_BPF_DIR}/ebpf/skeletons/${name}.skel.h)
    # `gen object` leaves the DWARF behind; the BTF stays.
    add_custom_command(
      OUTPUT ${skeleton}
      COMMAND ${BULKHEAD_CLANG} -target bpf -D__TARGET_ARCH_x86 -g -O2 -Wall -Wextra -Werror -Wno-unused-parameter
              -Wno-missing-declarations -Wno-unused-function -I ${CMAKE_SOURCE_DIR} -isystem ${BULKHEAD_BPF_DIR}
              -idirafter /usr/include/${CMAKE_LIBRARY_ARCHITECTURE} -c
              ${CMAKE_CURRENT_SOURCE_DIR}/${source}.bpf.c -o ${object}
      COMMAND ${BULKHEAD_BPFTOOL} gen object ${linked} ${object}
      COMMAND ${BULKHEAD_BPFTOOL} gen skeleton ${linked} name bh_${name} > ${skeleton}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source}.bpf.c ${bpf_headers} bulkhead_vmlinux
      COMMENT "Compiling ${source}.bpf.c")
    list(APPEND skeletons ${skeleton})
  endforeach()
  add_custom_target(${library}_skeletons DEPENDS ${skeletons})
  add_library(${library} INTERFACE)
  add_dependencies(${library} ${library}_skeletons)
  target_include_directories(${library} SYSTEM INTERFACE ${BULKHEAD_BPF_DIR})
  target_include_directories(${library} INTERFACE ${CMAKE_SOURCE_DIR})
endfunction()
