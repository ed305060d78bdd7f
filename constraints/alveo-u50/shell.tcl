# The shell of the Alveo U50: a block design with the AXI bridge to PCIe, the HBM and the AXI crossings to the core's clock.
# `shell_stub.v` shows its ports to open tools, and has to follow every change here.
#
#   bar 0 -> SmartConnect -> csr (AXI4-Lite master, to the core)
#   host, store (AXI4 slaves, from the core) -> SmartConnect -> PCIe, HBM
#
# Addresses: the core's host port reaches the whole 64-bit I/O virtual address space of the host, one to one. Its store port
# reaches the HBM, 8 GiB from 0.

source [file join [file dirname [info script]] .. vendor shell.tcl]

proc make_shell {out} {
    create_bd_design -dir $out shell
    shell_ports 16 512 1024 250000000
    shell_pcie 16 512
    shell_host host

    # Store: the HBM, both stacks, by one of its ports of 256 bits at the core's clock, 8 GB/s: below 100 Gb/s. More ports, each
    # with a share of the addresses, are the way to the full rate.
    create_bd_port -dir I -type clk -freq_hz 100000000 hbm_ref_clk
    create_bd_port -dir O hbm_cattrip
    set hbm [create_bd_cell -type ip -vlnv xilinx.com:ip:hbm hbm]
    set_property -dict {CONFIG.USER_HBM_DENSITY 8GB CONFIG.USER_HBM_STACK 2 CONFIG.USER_SINGLE_STACK_SELECTION BOTH
        CONFIG.USER_SWITCH_ENABLE_00 TRUE CONFIG.USER_SWITCH_ENABLE_01 TRUE
        CONFIG.USER_CLK_SEL_LIST0 AXI_00_ACLK CONFIG.USER_MC_ENABLE_APB_01 TRUE} $hbm
    for {set n 1} {$n < 32} {incr n} {
        set_property CONFIG.USER_SAXI_[format %02d $n] {false} $hbm
    }
    set to_hbm [create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect to_hbm]
    set_property -dict {CONFIG.NUM_SI 1 CONFIG.NUM_MI 1 CONFIG.NUM_CLKS 1} $to_hbm
    connect_bd_intf_net [get_bd_intf_ports store] [get_bd_intf_pins to_hbm/S00_AXI]
    connect_bd_intf_net [get_bd_intf_pins to_hbm/M00_AXI] [get_bd_intf_pins hbm/SAXI_00]
    foreach pin {hbm/HBM_REF_CLK_0 hbm/HBM_REF_CLK_1 hbm/APB_0_PCLK hbm/APB_1_PCLK} {
        connect_bd_net [get_bd_ports hbm_ref_clk] [get_bd_pins $pin]
    }
    foreach pin {hbm/AXI_00_ACLK to_hbm/aclk} { connect_bd_net [get_bd_ports core_clk] [get_bd_pins $pin] }
    foreach pin {hbm/AXI_00_ARESET_N hbm/APB_0_PRESET_N hbm/APB_1_PRESET_N to_hbm/aresetn} {
        connect_bd_net [get_bd_ports core_rst_n] [get_bd_pins $pin]
    }
    set either [create_bd_cell -type ip -vlnv xilinx.com:ip:util_vector_logic either]
    set_property -dict {CONFIG.C_OPERATION or CONFIG.C_SIZE 1} $either
    connect_bd_net [get_bd_pins hbm/DRAM_0_STAT_CATTRIP] [get_bd_pins either/Op1]
    connect_bd_net [get_bd_pins hbm/DRAM_1_STAT_CATTRIP] [get_bd_pins either/Op2]
    connect_bd_net [get_bd_ports hbm_cattrip] [get_bd_pins either/Res]

    shell_addresses
    assign_bd_address -target_address_space [get_bd_addr_spaces store]
    shell_finish
}
