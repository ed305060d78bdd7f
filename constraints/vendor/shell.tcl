# What the shells of boards with an AMD chip have in common: a block design with the AXI bridge to PCIe, and SmartConnect to the
# core's clock. A board's shell.tcl calls these in order, and adds its store; see constraints/as02mc04/shell.tcl.

# The ports of the wrapper: lanes of PCIe, widths of the core's host and store ports in bits, its clock in Hz.
proc shell_ports {lanes data_w store_w core_hz} {
    set last [expr {$lanes - 1}]
    create_bd_port -dir I -type clk -freq_hz 100000000 pcie_sys_clk
    create_bd_port -dir I -type clk -freq_hz 100000000 pcie_sys_clk_gt
    create_bd_port -dir I -type rst pcie_sys_rst_n
    set_property CONFIG.POLARITY ACTIVE_LOW [get_bd_ports pcie_sys_rst_n]
    create_bd_port -dir I -from $last -to 0 pcie_rxp
    create_bd_port -dir I -from $last -to 0 pcie_rxn
    create_bd_port -dir O -from $last -to 0 pcie_txp
    create_bd_port -dir O -from $last -to 0 pcie_txn
    create_bd_port -dir O -type clk pcie_clk
    create_bd_port -dir O -type rst pcie_rst_n
    create_bd_port -dir O pcie_link_up
    create_bd_port -dir I -from 7 -to 0 irq_req
    create_bd_port -dir O -from 7 -to 0 irq_ack
    create_bd_port -dir I -type clk -freq_hz $core_hz core_clk
    create_bd_port -dir I -type rst core_rst_n
    set_property CONFIG.POLARITY ACTIVE_LOW [get_bd_ports core_rst_n]
    set_property CONFIG.ASSOCIATED_BUSIF {csr:host:store} [get_bd_ports core_clk]

    # The core's side. Names of interfaces become prefixes of the wrapper's ports.
    set full {CONFIG.ID_WIDTH 4
        CONFIG.HAS_CACHE 0 CONFIG.HAS_LOCK 0 CONFIG.HAS_PROT 0 CONFIG.HAS_QOS 0 CONFIG.HAS_REGION 0
        CONFIG.MAX_BURST_LENGTH 256 CONFIG.NUM_READ_OUTSTANDING 16 CONFIG.NUM_WRITE_OUTSTANDING 16}
    set csr [create_bd_intf_port -mode Master -vlnv xilinx.com:interface:aximm_rtl:1.0 csr]
    set_property -dict {CONFIG.PROTOCOL AXI4LITE CONFIG.ADDR_WIDTH 16 CONFIG.DATA_WIDTH 32 CONFIG.HAS_PROT 0} $csr
    set host [create_bd_intf_port -mode Slave -vlnv xilinx.com:interface:aximm_rtl:1.0 host]
    set_property -dict [concat [list CONFIG.PROTOCOL AXI4 CONFIG.ADDR_WIDTH 64 CONFIG.DATA_WIDTH $data_w] $full] $host
    set store [create_bd_intf_port -mode Slave -vlnv xilinx.com:interface:aximm_rtl:1.0 store]
    set_property -dict [concat [list CONFIG.PROTOCOL AXI4 CONFIG.ADDR_WIDTH 40 CONFIG.DATA_WIDTH $store_w] $full] $store
}

# PCIe and the way to the registers; `bridge_w` is the width of the bridge's AXI ports in bits.
proc shell_pcie {lanes bridge_w} {
    # PCIe: the DMA/Bridge subsystem as a bridge (PG194); bar 0 is 64 KiB, the size of the core's registers.
    set pcie [create_bd_cell -type ip -vlnv xilinx.com:ip:xdma pcie]
    set_property -dict [list \
        CONFIG.functional_mode {AXI_Bridge} \
        CONFIG.mode_selection {Advanced} \
        CONFIG.pl_link_cap_max_link_width X$lanes \
        CONFIG.pl_link_cap_max_link_speed {8.0_GT/s} \
        CONFIG.axi_addr_width {64} \
        CONFIG.axi_data_width ${bridge_w}_bit \
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
}

# The way to the host: `ports` of the core, by name, from its clock to the bridge.
proc shell_host {ports} {
    set to_host [create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect to_host]
    set_property -dict [list CONFIG.NUM_SI [llength $ports] CONFIG.NUM_MI 1 CONFIG.NUM_CLKS 2] $to_host
    set n 0
    foreach port $ports {
        connect_bd_intf_net [get_bd_intf_ports $port] [get_bd_intf_pins to_host/[format S%02d_AXI $n]]
        incr n
    }
    connect_bd_intf_net [get_bd_intf_pins to_host/M00_AXI] [get_bd_intf_pins pcie/S_AXI_B]

    foreach cell {to_csr to_host} {
        connect_bd_net [get_bd_pins pcie/axi_aclk] [get_bd_pins $cell/aclk]
        connect_bd_net [get_bd_ports core_clk] [get_bd_pins $cell/aclk1]
        connect_bd_net [get_bd_pins pcie/axi_aresetn] [get_bd_pins $cell/aresetn]
    }
}

# The addresses of the registers and of host memory.
proc shell_addresses {} {
    assign_bd_address -offset 0x0 -range 64K -target_address_space [get_bd_addr_spaces pcie/M_AXI_B] [get_bd_addr_segs csr/Reg]
    assign_bd_address -offset 0x0 -range 16E -target_address_space [get_bd_addr_spaces host] [get_bd_addr_segs pcie/S_AXI_B/BAR0]
}

# Checks the design, makes its parts, and reads its wrapper.
proc shell_finish {} {
    validate_bd_design
    save_bd_design
    generate_target all [get_files shell.bd]
    set wrapper [make_wrapper -files [get_files shell.bd] -top]
    read_verilog $wrapper
}
