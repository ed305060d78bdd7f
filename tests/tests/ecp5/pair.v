// Two cards of constraints/ecp5/ecp5_card.v, RGMII to RGMII, and as much of the chip's cells as they need: clk is four times the
// clock of RGMII, so that the wire between them can delay that clock by a quarter of its period, as PHYs do.

`default_nettype none

module ecp5_pair (
    input wire clk, input wire rst_n, input wire cut,
    input wire [1:0] serial_rx, output wire [1:0] serial_tx, output wire [7:0] lights
);
    wire [1:0] tx_clk, tx_ctl;
    wire [7:0] tx_data;
    reg [1:0] rx_clk = 2'd0;
    always @(posedge clk) rx_clk <= {tx_clk[0], tx_clk[1]};
    genvar i;
    generate
        for (i = 0; i < 2; i = i + 1) begin : site
            ecp5_card u_card (
                .clk100(clk), .rst_n(rst_n), .eth_rst_n(),
                .eth_rx_clk(rx_clk[i]), .eth_rx_ctl(tx_ctl[1 - i] & ~cut), .eth_rx_data(tx_data[4 * (1 - i) +: 4]),
                .eth_tx_clk(tx_clk[i]), .eth_tx_ctl(tx_ctl[i]), .eth_tx_data(tx_data[4 * i +: 4]),
                .serial_rx(serial_rx[i]), .serial_tx(serial_tx[i]), .lights(lights[4 * i +: 4])
            );
        end
    endgenerate
endmodule

// CLKOP is a quarter of CLKI, CLKOS an eighth: the core at half the clock of RGMII.
module EHXPLLL #(
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
    reg [5:0] count = 6'd0;
    always @(posedge CLKI) count <= {count[5] | &count[4:0], count[4:0] + 5'd1};
    assign CLKOP = count[1];
    assign CLKOS = count[2];
    assign CLKINTFB = 1'b0;
    assign LOCK = count[5];
endmodule

// Q is D0 of the last rising edge while SCLK is 1, D1 of it while SCLK is 0 (FPGA-TN-02035).
module ODDRX1F (input wire SCLK, input wire RST, input wire D0, input wire D1, output wire Q);
    reg high = 1'b0, low = 1'b0;
    always @(posedge SCLK) {high, low} <= {D0, D1};
    assign Q = SCLK ? high : low;
endmodule

// Q0 and Q1, at a rising edge, are what D was at the rising edge before and at the falling one in between.
module IDDRX1F (input wire SCLK, input wire RST, input wire D, output reg Q0, output reg Q1);
    reg high = 1'b0, low = 1'b0;
    always @(negedge SCLK) low <= D;
    always @(posedge SCLK) begin
        high <= D;
        {Q0, Q1} <= {high, low};
    end
endmodule

`default_nettype wire
