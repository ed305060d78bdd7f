// Black boxes of the ECP5's cells that the board's top level uses: names, directions and parameters. Sources: Lattice
// FPGA-TN-02200 (PLL), FPGA-TN-02035 (DDR input and output, delays). Synthesis has its own.

(* blackbox *) module EHXPLLL #(
    parameter CLKI_DIV = 1, parameter CLKFB_DIV = 1, parameter FEEDBK_PATH = "CLKOP",
    parameter CLKOP_ENABLE = "ENABLED", parameter CLKOP_DIV = 8, parameter CLKOP_CPHASE = 0, parameter CLKOP_FPHASE = 0,
    parameter CLKOS_ENABLE = "DISABLED", parameter CLKOS_DIV = 8, parameter CLKOS_CPHASE = 0, parameter CLKOS_FPHASE = 0,
    parameter PLLRST_ENA = "DISABLED", parameter INTFB_WAKE = "DISABLED", parameter STDBY_ENABLE = "DISABLED",
    parameter DPHASE_SOURCE = "DISABLED", parameter OUTDIVIDER_MUXA = "DIVA", parameter OUTDIVIDER_MUXB = "DIVB",
    parameter OUTDIVIDER_MUXC = "DIVC", parameter OUTDIVIDER_MUXD = "DIVD"
) (
    input wire CLKI, input wire CLKFB, input wire RST, input wire STDBY,
    input wire PHASESEL0, input wire PHASESEL1, input wire PHASEDIR, input wire PHASESTEP, input wire PHASELOADREG,
    input wire PLLWAKESYNC, input wire ENCLKOP, input wire ENCLKOS,
    output wire CLKOP, output wire CLKOS, output wire CLKINTFB, output wire LOCK
);
endmodule

(* blackbox *) module ODDRX1F (input wire SCLK, input wire RST, input wire D0, input wire D1, output wire Q);
endmodule

(* blackbox *) module IDDRX1F (input wire SCLK, input wire RST, input wire D, output wire Q0, output wire Q1);
endmodule

(* blackbox *) module DELAYG #(parameter DEL_MODE = "USER_DEFINED", parameter DEL_VALUE = 0) (input wire A, output wire Z);
endmodule
