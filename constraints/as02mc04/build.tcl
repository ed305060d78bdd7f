# Builds the bitstream of the AS02MC04 with Vivado, without a project and without a click:
#
#   cargo xtask verilog --data-w 64 --out out/as02mc04
#   vivado -mode batch -source constraints/as02mc04/build.tcl -tclargs out/as02mc04
#
# The argument is the directory that holds dyad_core.v; everything that is made goes there. Vivado 2022.1 or later; the part
# needs no paid licence, the MAC core of the 10G/25G Ethernet subsystem does (an evaluation licence builds, and stops after hours).
# A failed step ends the run with a status that is not 0, and so does timing that is not met.

set here [file normalize [file dirname [info script]]]
if {[llength $argv] != 1 || ![file exists [file join [lindex $argv 0] dyad_core.v]]} {
    puts stderr "usage: vivado -mode batch -source build.tcl -tclargs DIR, where DIR holds dyad_core.v"
    exit 2
}
set out [file normalize [lindex $argv 0]]
set part xcku3p-ffvb676-1-e
set jobs 4

create_project -in_memory -part $part
set_property target_language Verilog [current_project]

# MAC: one lane at 10.3125 Gb/s, MAC and PCS, 64-bit stream, the transceiver inside, settings as ports.
create_ip -name xxv_ethernet -vendor xilinx.com -library ip -module_name mac_10g -dir $out
set_property -dict [list \
    CONFIG.LINE_RATE {10} \
    CONFIG.NUM_OF_CORES {1} \
    CONFIG.CORE {Ethernet MAC+PCS/PMA 64-bit} \
    CONFIG.BASE_R_KR {BASE-R} \
    CONFIG.INCLUDE_AXI4_INTERFACE {0} \
    CONFIG.INCLUDE_STATISTICS_COUNTERS {0} \
    CONFIG.GT_REF_CLK_FREQ {156.25} \
    CONFIG.GT_DRP_CLK {100.00} \
    CONFIG.GT_GROUP_SELECT {Quad_X0Y3} \
    CONFIG.LANE1_GT_LOC {X0Y15} \
    CONFIG.INCLUDE_SHARED_LOGIC {2} \
] [get_ips mac_10g]
generate_target all [get_ips mac_10g]
synth_ip [get_ips mac_10g]

# PCIe and SmartConnect.
source [file join $here shell.tcl]
make_shell $out

source [file join $here .. vendor implement.tcl]
implement $here $out $part as02mc04 as02mc04 32
