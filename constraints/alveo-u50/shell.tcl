# The shell of the Alveo U50: a block design with the AXI bridge to PCIe, the HBM and the AXI crossings to the core's clock.
# `shell_stub.v` shows its ports to open tools, and has to follow every change here.
#
#   bar 0 -> SmartConnect -> csr (AXI4-Lite master, to the core)
#   host, store (AXI4 slaves, from the core) -> SmartConnect -> PCIe, HBM
#
# Addresses: the core's host port reaches the whole 64-bit I/O virtual address space of the host, one to one. Its store port
# reaches the HBM, 8 GiB from 0.

proc shell_axi_ports {} {
    # The core's side. Names of interfaces become prefixes of the wrapper's ports.
    set csr [create_bd_intf_port -mode Master -vlnv xilinx.com:interface:aximm_rtl:1.0 csr]
    set_property -dict {CONFIG.PROTOCOL AXI4LITE CONFIG.ADDR_WIDTH 16 CONFIG.DATA_WIDTH 32 CONFIG.HAS_PROT 0} $csr
    set host [create_bd_intf_port -mode Slave -vlnv xilinx.com:interface:aximm_rtl:1.0 host]
    set_property -dict {CONFIG.PROTOCOL AXI4 CONFIG.ADDR_WIDTH 64 CONFIG.DATA_WIDTH 512 CONFIG.ID_WIDTH 4
        CONFIG.HAS_CACHE 0 CONFIG.HAS_LOCK 0 CONFIG.HAS_PROT 0 CONFIG.HAS_QOS 0 CONFIG.HAS_REGION 0
        CONFIG.MAX_BURST_LENGTH 256 CONFIG.NUM_READ_OUTSTANDING 16 CONFIG.NUM_WRITE_OUTSTANDING 16} $host
    set store [create_bd_intf_port -mode Slave -vlnv xilinx.com:interface:aximm_rtl:1.0 store]
    set_property -dict {CONFIG.PROTOCOL AXI4 CONFIG.ADDR_WIDTH 40 CONFIG.DATA_WIDTH 1024 CONFIG.ID_WIDTH 4
        CONFIG.HAS_CACHE 0 CONFIG.HAS_LOCK 0 CONFIG.HAS_PROT 0 CONFIG.HAS_QOS 0 CONFIG.HAS_REGION 0
        CONFIG.MAX_BURST_LENGTH 256 CONFIG.NUM_READ_OUTSTANDING 16 CONFIG.NUM_WRITE_OUTSTANDING 16} $store
}

proc make_shell {out} {
    create_bd_design -dir $out shell

    # Ports.
    create_bd_port -dir I -type clk -freq_hz 100000000 pcie_sys_clk
    create_bd_port -dir I -type clk -freq_hz 100000000 pcie_sys_clk_gt
    create_bd_port -dir I -type rst pcie_sys_rst_n
    set_property CONFIG.POLARITY ACTIVE_LOW [get_bd_ports pcie_sys_rst_n]
    create_bd_port -dir I -from 15 -to 0 pcie_rxp
    create_bd_port -dir I -from 15 -to 0 pcie_rxn
    create_bd_port -dir O -from 15 -to 0 pcie_txp
    create_bd_port -dir O -from 15 -to 0 pcie_txn
    create_bd_port -dir O -type clk pcie_clk
    create_bd_port -dir O -type rst pcie_rst_n
    create_bd_port -dir O pcie_link_up
    create_bd_port -dir I -from 7 -to 0 irq_req
    create_bd_port -dir O -from 7 -to 0 irq_ack
    create_bd_port -dir I -type clk -freq_hz 250000000 core_clk
    create_bd_port -dir I -type rst core_rst_n
    set_property CONFIG.POLARITY ACTIVE_LOW [get_bd_ports core_rst_n]
    set_property CONFIG.ASSOCIATED_BUSIF {csr:host:store} [get_bd_ports core_clk]
    shell_axi_ports

    # PCIe: the DMA/Bridge subsystem as a bridge (PG194); bar 0 is 64 KiB, the size of the core's registers.
    set pcie [create_bd_cell -type ip -vlnv xilinx.com:ip:xdma pcie]
    set_property -dict [list \
        CONFIG.functional_mode {AXI_Bridge} \
        CONFIG.mode_selection {Advanced} \
        CONFIG.pl_link_cap_max_link_width {X16} \
        CONFIG.pl_link_cap_max_link_speed {8.0_GT/s} \
        CONFIG.axi_addr_width {64} \
        CONFIG.axi_data_width {512_bit} \
        CONFIG.axisten_freq {250} \
        CONFIG.pf0_bar0_enabled {true} \
        CONFIG.pf0_bar0_64bit {true} \
        CONFIG.pf0_bar0_scale {Kilobytes} \
        CONFIG.pf0_bar0_size {64} \
        CONFIG.pf0_base_class_menu {Network_controller} \
        CONFIG.pf0_sub_class_interface_menu {Other_network_controller} \
        CONFIG.xdma_num_usr_irq {8} \
        CONFIG.pf0_msix_enabled {true} \
    ] $pcie
    foreach {port pin} {
        pcie_sys_clk sys_clk  pcie_sys_clk_gt sys_clk_gt  pcie_sys_rst_n sys_rst_n
        pcie_rxp pci_exp_rxp  pcie_rxn pci_exp_rxn  pcie_txp pci_exp_txp  pcie_txn pci_exp_txn
        pcie_clk axi_aclk  pcie_rst_n axi_aresetn  pcie_link_up user_lnk_up
        irq_req usr_irq_req  irq_ack usr_irq_ack
    } {
        connect_bd_net [get_bd_ports $port] [get_bd_pins pcie/$pin]
    }

    # Registers: from bar 0 to AXI4-Lite in the core's clock.
    set to_csr [create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect to_csr]
    set_property -dict {CONFIG.NUM_SI 1 CONFIG.NUM_MI 1 CONFIG.NUM_CLKS 2} $to_csr
    connect_bd_intf_net [get_bd_intf_pins pcie/M_AXI_B] [get_bd_intf_pins to_csr/S00_AXI]
    connect_bd_intf_net [get_bd_intf_pins to_csr/M00_AXI] [get_bd_intf_ports csr]

    # Host memory: from the core's clock to the bridge.
    set to_host [create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect to_host]
    set_property -dict {CONFIG.NUM_SI 1 CONFIG.NUM_MI 1 CONFIG.NUM_CLKS 2} $to_host
    connect_bd_intf_net [get_bd_intf_ports host] [get_bd_intf_pins to_host/S00_AXI]
    connect_bd_intf_net [get_bd_intf_pins to_host/M00_AXI] [get_bd_intf_pins pcie/S_AXI_B]

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

    foreach cell {to_csr to_host} {
        connect_bd_net [get_bd_pins pcie/axi_aclk] [get_bd_pins $cell/aclk]
        connect_bd_net [get_bd_ports core_clk] [get_bd_pins $cell/aclk1]
        connect_bd_net [get_bd_pins pcie/axi_aresetn] [get_bd_pins $cell/aresetn]
    }

    # Addresses.
    assign_bd_address -offset 0x0 -range 64K -target_address_space [get_bd_addr_spaces pcie/M_AXI_B] [get_bd_addr_segs csr/Reg]
    assign_bd_address -offset 0x0 -range 16E -target_address_space [get_bd_addr_spaces host] [get_bd_addr_segs pcie/S_AXI_B/BAR0]
    assign_bd_address -target_address_space [get_bd_addr_spaces store]

    validate_bd_design
    save_bd_design
    generate_target all [get_files shell.bd]
    set wrapper [make_wrapper -files [get_files shell.bd] -top]
    read_verilog $wrapper
}
