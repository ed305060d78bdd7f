// Lattice ECP5-5G Versa: constraints/ecp5/ecp5_card.v on the first gigabit port and the serial line. Its PHY (88E1512) delays
// the clocks of RGMII itself, both ways.
//
// Must never hold: logic of the protocol.

`default_nettype none

module ecp5_versa (
    input wire clk100, input wire rst_n,
    output wire eth0_rst_n, output wire eth0_mdc,
    input wire eth0_rx_clk, input wire eth0_rx_ctl, input wire [3:0] eth0_rx_data,
    output wire eth0_tx_clk, output wire eth0_tx_ctl, output wire [3:0] eth0_tx_data,
    input wire serial_rx, output wire serial_tx,
    output wire [3:0] led_n
);
    wire [3:0] lights;
    ecp5_card u_card (
        .clk100(clk100), .rst_n(rst_n), .eth_rst_n(eth0_rst_n),
        .eth_rx_clk(eth0_rx_clk), .eth_rx_ctl(eth0_rx_ctl), .eth_rx_data(eth0_rx_data),
        .eth_tx_clk(eth0_tx_clk), .eth_tx_ctl(eth0_tx_ctl), .eth_tx_data(eth0_tx_data),
        .serial_rx(serial_rx), .serial_tx(serial_tx), .lights(lights)
    );
    assign eth0_mdc = 1'b0;
    assign led_n = ~lights;
endmodule

`default_nettype wire
