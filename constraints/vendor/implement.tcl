# From the sources to the bitstream, the same for every board with an AMD chip. `here` is the board's folder, with $top.v and
# $board.xdc; `out` has dyad_core.v and takes what is made; `flash_mib` is the size of the configuration flash. Timing that is not
# met ends the run with status 1.
proc implement {here out part board top flash_mib} {
    read_verilog [file join $out dyad_core.v]
    read_verilog [file join $here $top.v]
    read_xdc [file join $here $board.xdc]

    synth_design -top $top -part $part -flatten_hierarchy rebuilt
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
    write_bitstream -force [file join $out $board.bit]
    write_cfgmem -force -format bin -interface SPIx4 -size $flash_mib -loadbit "up 0x0 [file join $out $board.bit]" [file join $out $board.bin]
}
