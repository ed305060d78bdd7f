# The shell of the AS02MC04: a block design with the AXI bridge to PCIe and the AXI crossings to the core's clock.
# `shell_stub.v` shows its ports to open tools, and has to follow every change here.
#
#   bar 0 -> SmartConnect -> csr (AXI4-Lite master, to the core)
#   host, store (AXI4 slaves, from the core) -> SmartConnect -> PCIe
#
# Addresses: the core's host port reaches the whole 64-bit I/O virtual address space of the host, one to one. Its store port
# reaches the 1 TiB from 0 of the same space: the driver maps the region that is the store there.

source [file join [file dirname [info script]] .. vendor shell.tcl]

proc make_shell {out} {
    create_bd_design -dir $out shell
    shell_ports 8 64 256 156250000
    shell_pcie 8 256
    # Host memory and store.
    shell_host {host store}
    shell_addresses
    assign_bd_address -offset 0x0 -range 1T -target_address_space [get_bd_addr_spaces store] [get_bd_addr_segs pcie/S_AXI_B/BAR0]
    shell_finish
}
