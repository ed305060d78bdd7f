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

read_verilog [file join $out dyad_core.v]
read_verilog [file join $here as02mc04.v]
read_xdc [file join $here as02mc04.xdc]

synth_design -top as02mc04 -part $part -flatten_hierarchy rebuilt
write_checkpoint -force [file join $out synth.dcp]
report_utilization -hierarchical -file [file join $out utilisation.txt]
report_cdc -details -file [file join $out cdc.txt]

opt_design -directive Explore
place_design -directive Explore
phys_opt_design -directive AggressiveExplore
route_design -directive Explore
phys_opt_design

write_checkpoint -force [file join $out route.dcp]
report_timing_summary -max_paths 20 -file [file join $out timing.txt]
report_drc -file [file join $out drc.txt]

set slack [get_property SLACK [get_timing_paths -delay_type max]]
set hold [get_property SLACK [get_timing_paths -delay_type min]]
puts "worst setup slack $slack ns, worst hold slack $hold ns"
if {$slack < 0 || $hold < 0} {
    puts stderr "timing is not met: see [file join $out timing.txt]"
    exit 1
}
write_bitstream -force [file join $out as02mc04.bit]
write_cfgmem -force -format bin -interface SPIx4 -size 32 -loadbit "up 0x0 [file join $out as02mc04.bit]" [file join $out as02mc04.bin]
