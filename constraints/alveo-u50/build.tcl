# Builds the bitstream of the Alveo U50 with Vivado, without a project and without a click:
#
#   cargo xtask verilog --data-w 512 --out out/alveo-u50
#   vivado -mode batch -source constraints/alveo-u50/build.tcl -tclargs out/alveo-u50
#
# The argument is the directory that holds dyad_core.v; everything that is made goes there. Vivado 2022.1 or later. The 100G
# block's licence costs nothing, but has to be asked for.
# A failed step ends the run with a status that is not 0, and so does timing that is not met.

set here [file normalize [file dirname [info script]]]
if {[llength $argv] != 1 || ![file exists [file join [lindex $argv 0] dyad_core.v]]} {
    puts stderr "usage: vivado -mode batch -source build.tcl -tclargs DIR, where DIR holds dyad_core.v"
    exit 2
}
set out [file normalize [lindex $argv 0]]
set part xcu50-fsvh2104-2-e
set jobs 4

create_project -in_memory -part $part
set_property target_language Verilog [current_project]

# MAC: the hard 100G block, CAUI-4 with RS-FEC, 512-bit stream, settings as ports.
create_ip -name cmac_usplus -vendor xilinx.com -library ip -module_name mac_100g -dir $out
set_property -dict [list \
    CONFIG.CMAC_CAUI4_MODE {1} \
    CONFIG.NUM_LANES {4x25} \
    CONFIG.GT_REF_CLK_FREQ {161.1328125} \
    CONFIG.GT_DRP_CLK {100.00} \
    CONFIG.USER_INTERFACE {AXIS} \
    CONFIG.INCLUDE_RS_FEC {1} \
    CONFIG.TX_FLOW_CONTROL {0} \
    CONFIG.RX_FLOW_CONTROL {0} \
    CONFIG.RX_MAX_PACKET_LEN {9600} \
    CONFIG.RX_CHECK_ACK {1} \
    CONFIG.CMAC_CORE_SELECT {CMACE4_X0Y4} \
    CONFIG.GT_GROUP_SELECT {X0Y28~X0Y31} \
    CONFIG.INCLUDE_SHARED_LOGIC {2} \
] [get_ips mac_100g]
generate_target all [get_ips mac_100g]
synth_ip [get_ips mac_100g]

# PCIe, HBM and SmartConnect.
source [file join $here shell.tcl]
make_shell $out

source [file join $here .. vendor implement.tcl]
implement $here $out $part alveo-u50 alveo_u50 128
