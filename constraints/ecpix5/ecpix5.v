// LambdaConcept ECPIX-5 with the LFE5UM5G-85F: constraints/ecp5/ecp5_card.v on the gigabit port and the serial line.
//
// The PHY (KSZ9031RNX) delays the clock that it receives by, and wants the clock that it is sent 2 ns late: 80 steps of 25 ps,
// here. Lights are the green ones.
//
// Must never hold: logic of the protocol.

`default_nettype none

module ecpix5 (
    input wire clk100,
    output wire eth_rst_n, output wire eth_mdc,
    input wire eth_rx_clk, input wire eth_rx_ctl, input wire [3:0] eth_rx_data,
    output wire eth_tx_clk, output wire eth_tx_ctl, output wire [3:0] eth_tx_data,
    input wire serial_rx, output wire serial_tx,
    output wire [3:0] red_n, output wire [3:0] green_n, output wire [3:0] blue_n
);
    wire tx_clk;
    wire [3:0] lights;
    // The sources do not agree on the reset button's pin: reset is when the PLL has locked, and by openFPGALoader.
    ecp5_card u_card (
        .clk100(clk100), .rst_n(1'b1), .eth_rst_n(eth_rst_n),
        .eth_rx_clk(eth_rx_clk), .eth_rx_ctl(eth_rx_ctl), .eth_rx_data(eth_rx_data),
        .eth_tx_clk(tx_clk), .eth_tx_ctl(eth_tx_ctl), .eth_tx_data(eth_tx_data),
        .serial_rx(serial_rx), .serial_tx(serial_tx), .lights(lights)
    );
    DELAYG #(.DEL_MODE("USER_DEFINED"), .DEL_VALUE(80)) u_tx_delay (.A(tx_clk), .Z(eth_tx_clk));
    assign eth_mdc = 1'b0;
    assign red_n = 4'hf;
    assign green_n = ~lights;
    assign blue_n = 4'hf;
endmodule

`default_nettype wire
