// A card on an ECP5 with an oscillator of 100 MHz: the core, an RGMII port as its link, a serial line as its host. What boards
// differ in is theirs: pins, polarity, and who delays the clock of RGMII.
//
//   eth <-> RGMII <-> gmii_tx, gmii_rx <-> cdc_fifo <-> dyad_core <-> axi_ram (host's memory), axi_ram (store)
//   serial <-> serial bridge <-> registers, host's memory
//
// Clocks: clk_125 from the PLL sends; the PHY's eth_rx_clk receives; core_clk, from the PLL too, is everything else. Words
// cross between them in FIFOs with gray pointers. All resets come from one, synchronised to each clock.
//
// `eth_tx_clk` changes with `eth_tx_data`: the PHY, or the board's top, delays it. `lights`, on by 1: reset, busy, a frame
// comes, an interrupt.
//
// Must never hold: logic of the protocol.

`default_nettype none

module ecp5_card (
    input wire clk100, input wire rst_n,
    output wire eth_rst_n,
    input wire eth_rx_clk, input wire eth_rx_ctl, input wire [3:0] eth_rx_data,
    output wire eth_tx_clk, output wire eth_tx_ctl, output wire [3:0] eth_tx_data,
    input wire serial_rx, output wire serial_tx,
    output wire [3:0] lights
);
    // 100 MHz x 5 / 4 = 125 MHz to send, x 5 x 2 / `CORE_DIV for the core; the oscillator in between runs at 500 MHz.
    wire clk_125, core_clk, locked;
    (* ICP_CURRENT="12" *) (* LPF_RESISTOR="8" *)
    EHXPLLL #(
        .PLLRST_ENA("DISABLED"), .INTFB_WAKE("DISABLED"), .STDBY_ENABLE("DISABLED"), .DPHASE_SOURCE("DISABLED"),
        .OUTDIVIDER_MUXA("DIVA"), .OUTDIVIDER_MUXB("DIVB"), .OUTDIVIDER_MUXC("DIVC"), .OUTDIVIDER_MUXD("DIVD"),
        .CLKI_DIV(4), .CLKFB_DIV(5), .FEEDBK_PATH("CLKOP"),
        .CLKOP_ENABLE("ENABLED"), .CLKOP_DIV(4), .CLKOP_CPHASE(2), .CLKOP_FPHASE(0),
        .CLKOS_ENABLE("ENABLED"), .CLKOS_DIV(`CORE_DIV), .CLKOS_CPHASE(2), .CLKOS_FPHASE(0)
    ) u_pll (
        .RST(1'b0), .STDBY(1'b0), .CLKI(clk100), .CLKOP(clk_125), .CLKOS(core_clk), .CLKFB(clk_125), .CLKINTFB(),
        .PHASESEL0(1'b0), .PHASESEL1(1'b0), .PHASEDIR(1'b1), .PHASESTEP(1'b1), .PHASELOADREG(1'b1),
        .PLLWAKESYNC(1'b0), .ENCLKOP(1'b0), .ENCLKOS(1'b0), .LOCK(locked)
    );

    // Resets. That of the PHY lasts 2^20 cycles, 10 ms and more, and everything else waits for its end.
    wire phy_rst, core_rst, tx_rst, rx_rst;
    reset_sync_2_20 u_phy_rst (.clk(core_clk), .rst_async(~rst_n | ~locked), .rst_sync(phy_rst));
    reset_sync_2_4 u_core_rst (.clk(core_clk), .rst_async(phy_rst), .rst_sync(core_rst));
    reset_sync_2_4 u_tx_rst (.clk(clk_125), .rst_async(phy_rst), .rst_sync(tx_rst));
    reset_sync_2_4 u_rx_rst (.clk(eth_rx_clk), .rst_async(phy_rst), .rst_sync(rx_rst));
    assign eth_rst_n = ~phy_rst;

    // RGMII out: low nibble and enable at the rising edge, high nibble and enable xor error at the falling one.
    wire [7:0] txd;
    wire tx_en, tx_er;
    ODDRX1F u_tx_clk (.SCLK(clk_125), .RST(1'b0), .D0(1'b1), .D1(1'b0), .Q(eth_tx_clk));
    ODDRX1F u_tx_ctl (.SCLK(clk_125), .RST(1'b0), .D0(tx_en), .D1(tx_en ^ tx_er), .Q(eth_tx_ctl));
    // RGMII in.
    wire [7:0] rxd;
    wire rx_dv, rx_dv_er;
    IDDRX1F u_rx_ctl (.SCLK(eth_rx_clk), .RST(1'b0), .D(eth_rx_ctl), .Q0(rx_dv), .Q1(rx_dv_er));
    genvar i;
    generate
        for (i = 0; i < 4; i = i + 1) begin : rgmii
            ODDRX1F u_tx (.SCLK(clk_125), .RST(1'b0), .D0(txd[i]), .D1(txd[i + 4]), .Q(eth_tx_data[i]));
            IDDRX1F u_rx (.SCLK(eth_rx_clk), .RST(1'b0), .D(eth_rx_data[i]), .Q0(rxd[i]), .Q1(rxd[i + 4]));
        end
    endgenerate

    // MAC and the crossings.
    wire tx_valid, tx_ready, mac_tx_valid, mac_tx_ready, mac_rx_valid, mac_rx_ready, rx_valid, rx_ready;
    wire [73:0] tx_word, mac_tx_word, mac_rx_word, rx_word;
    wire [4 * 74 - 1:0] tx_words, rx_words;
    wire [2:0] tx_put, tx_take, rx_put, rx_take;
    cdc_put_4x74 u_tx_put (
        .clk(core_clk), .rst(core_rst), .s_valid(tx_valid), .s_ready(tx_ready), .s_data(tx_word),
        .words(tx_words), .put_gray(tx_put), .take_gray(tx_take)
    );
    cdc_take_4x74 u_tx_take (
        .clk(clk_125), .rst(tx_rst), .words(tx_words), .put_gray(tx_put), .take_gray(tx_take),
        .m_valid(mac_tx_valid), .m_ready(mac_tx_ready), .m_data(mac_tx_word)
    );
    gmii_tx u_gmii_tx (
        .clk(clk_125), .rst(tx_rst), .s_valid(mac_tx_valid), .s_ready(mac_tx_ready), .s_data(mac_tx_word),
        .gmii_txd(txd), .gmii_tx_en(tx_en), .gmii_tx_er(tx_er)
    );
    gmii_rx u_gmii_rx (
        .clk(eth_rx_clk), .rst(rx_rst), .gmii_rxd(rxd), .gmii_rx_dv(rx_dv), .gmii_rx_er(rx_dv ^ rx_dv_er),
        .m_valid(mac_rx_valid), .m_ready(mac_rx_ready), .m_data(mac_rx_word)
    );
    cdc_put_4x74 u_rx_put (
        .clk(eth_rx_clk), .rst(rx_rst), .s_valid(mac_rx_valid), .s_ready(mac_rx_ready), .s_data(mac_rx_word),
        .words(rx_words), .put_gray(rx_put), .take_gray(rx_take)
    );
    cdc_take_4x74 u_rx_take (
        .clk(core_clk), .rst(core_rst), .words(rx_words), .put_gray(rx_put), .take_gray(rx_take),
        .m_valid(rx_valid), .m_ready(rx_ready), .m_data(rx_word)
    );

    // Time, in periods of the core's clock.
    reg [63:0] now = 64'd0;
    always @(posedge core_clk) now <= now + 64'd1;

    // Block RAM keeps nothing over a loss of power: what has been answered is as safe as it gets.
    wire store_flush;
    reg store_flushed = 1'b0;
    always @(posedge core_clk) store_flushed <= store_flush & ~store_flushed;

    wire [15:0]
        csr_awaddr, csr_araddr;
    wire
        csr_awvalid, csr_awready, csr_wvalid, csr_wready, csr_bvalid, csr_bready, csr_arvalid, csr_arready,
        csr_rvalid, csr_rready, host_arready, host_arvalid, host_rvalid, host_rlast, host_rready, host_awready,
        host_awvalid, host_wready, host_wvalid, host_wlast, host_bvalid, host_bready, store_awvalid, store_awready,
        store_wlast, store_wvalid, store_wready, store_bvalid, store_bready, store_arvalid, store_arready,
        store_rlast, store_rvalid, store_rready;
    wire [31:0]
        csr_wdata, csr_rdata;
    wire [3:0]
        csr_wstrb, host_arid, host_awid, host_rid, host_bid, store_arid, store_awid, store_rid, store_bid;
    wire [1:0]
        csr_bresp, csr_rresp, host_arburst, host_rresp, host_awburst, host_bresp, store_awburst, store_bresp,
        store_arburst, store_rresp;
    wire [63:0]
        host_araddr, host_rdata, host_awaddr, host_wdata;
    wire [7:0]
        host_arlen, host_awlen, host_wstrb, store_awlen, store_arlen;
    wire [2:0]
        host_arsize, host_awsize, store_awsize, store_arsize;
    wire [51:0]
        store_awaddr, store_araddr;
    wire [127:0]
        store_wdata, store_rdata;
    wire [1:0] irq;
    wire idle;
    dyad_core u_core (
        .clk(core_clk), .rst(core_rst), .now(now), .s_axil_awaddr(csr_awaddr), .s_axil_awvalid(csr_awvalid),
        .s_axil_awready(csr_awready), .s_axil_wdata(csr_wdata), .s_axil_wstrb(csr_wstrb), .s_axil_wvalid(csr_wvalid),
        .s_axil_wready(csr_wready), .s_axil_bresp(csr_bresp), .s_axil_bvalid(csr_bvalid), .s_axil_bready(csr_bready),
        .s_axil_araddr(csr_araddr), .s_axil_arvalid(csr_arvalid), .s_axil_arready(csr_arready),
        .s_axil_rdata(csr_rdata), .s_axil_rresp(csr_rresp), .s_axil_rvalid(csr_rvalid), .s_axil_rready(csr_rready),
        .m_axi_host_arready(host_arready), .m_axi_host_arvalid(host_arvalid), .m_axi_host_araddr(host_araddr),
        .m_axi_host_arlen(host_arlen), .m_axi_host_arsize(host_arsize), .m_axi_host_arburst(host_arburst),
        .m_axi_host_rvalid(host_rvalid), .m_axi_host_rlast(host_rlast), .m_axi_host_rresp(host_rresp),
        .m_axi_host_rdata(host_rdata), .m_axi_host_rready(host_rready), .m_axi_host_awready(host_awready),
        .m_axi_host_awvalid(host_awvalid), .m_axi_host_awaddr(host_awaddr), .m_axi_host_awlen(host_awlen),
        .m_axi_host_awsize(host_awsize), .m_axi_host_awburst(host_awburst), .m_axi_host_wready(host_wready),
        .m_axi_host_wvalid(host_wvalid), .m_axi_host_wdata(host_wdata), .m_axi_host_wstrb(host_wstrb),
        .m_axi_host_wlast(host_wlast), .m_axi_host_bvalid(host_bvalid), .m_axi_host_bresp(host_bresp),
        .m_axi_host_bready(host_bready), .irq(irq), .m_axi_store_awaddr(store_awaddr),
        .m_axi_store_awlen(store_awlen), .m_axi_store_awsize(store_awsize), .m_axi_store_awburst(store_awburst),
        .m_axi_store_awvalid(store_awvalid), .m_axi_store_awready(store_awready), .m_axi_store_wdata(store_wdata),
        .m_axi_store_wstrb(), .m_axi_store_wlast(store_wlast), .m_axi_store_wvalid(store_wvalid),
        .m_axi_store_wready(store_wready), .m_axi_store_bresp(store_bresp), .m_axi_store_bvalid(store_bvalid),
        .m_axi_store_bready(store_bready), .m_axi_store_araddr(store_araddr), .m_axi_store_arlen(store_arlen),
        .m_axi_store_arsize(store_arsize), .m_axi_store_arburst(store_arburst), .m_axi_store_arvalid(store_arvalid),
        .m_axi_store_arready(store_arready), .m_axi_store_rdata(store_rdata), .m_axi_store_rresp(store_rresp),
        .m_axi_store_rlast(store_rlast), .m_axi_store_rvalid(store_rvalid), .m_axi_store_rready(store_rready),
        .m_axi_host_arid(host_arid), .m_axi_host_awid(host_awid), .m_axi_host_rid(host_rid),
        .m_axi_host_bid(host_bid), .m_axi_store_arid(store_arid), .m_axi_store_awid(store_awid),
        .m_axi_store_rid(store_rid), .m_axi_store_bid(store_bid), .store_flush_req(store_flush),
        .store_flush_ack(store_flushed), .store_flush_err(1'b0), .m_axis_tx_tready(tx_ready),
        .m_axis_tx_tvalid(tx_valid), .m_axis_tx_tlast(tx_word[72]), .m_axis_tx_tuser(tx_word[73]),
        .m_axis_tx_tkeep(tx_word[71:64]), .m_axis_tx_tdata(tx_word[63:0]), .s_axis_rx_tvalid(rx_valid),
        .s_axis_rx_tready(rx_ready), .s_axis_rx_tdata(rx_word[63:0]), .s_axis_rx_tkeep(rx_word[71:64]),
        .s_axis_rx_tlast(rx_word[72]), .s_axis_rx_tuser(rx_word[73]), .idle(idle)
    );

    // The host: registers and memory by the serial line. Interrupts have nobody to go to: completions are polled.
    wire p_valid, p_write, p_done;
    wire [30:0] p_addr;
    wire [31:0] p_wdata, p_rdata;
    `SERIAL u_serial (
        .clk(core_clk), .rst(core_rst), .rx(serial_rx), .tx(serial_tx),
        .m_axil_awvalid(csr_awvalid), .m_axil_awready(csr_awready), .m_axil_awaddr(csr_awaddr),
        .m_axil_wvalid(csr_wvalid), .m_axil_wready(csr_wready), .m_axil_wdata(csr_wdata), .m_axil_wstrb(csr_wstrb),
        .m_axil_bvalid(csr_bvalid), .m_axil_bready(csr_bready), .m_axil_arvalid(csr_arvalid),
        .m_axil_arready(csr_arready), .m_axil_araddr(csr_araddr), .m_axil_rvalid(csr_rvalid),
        .m_axil_rready(csr_rready), .m_axil_rdata(csr_rdata),
        .p_valid(p_valid), .p_write(p_write), .p_addr(p_addr), .p_wdata(p_wdata), .p_done(p_done), .p_rdata(p_rdata)
    );
    axi_ram_64x1024 u_host (
        .clk(core_clk), .rst(core_rst),
        .s_axi_awvalid(host_awvalid), .s_axi_awready(host_awready), .s_axi_awaddr(host_awaddr),
        .s_axi_awid(host_awid), .s_axi_arvalid(host_arvalid), .s_axi_arready(host_arready),
        .s_axi_araddr(host_araddr), .s_axi_arid(host_arid), .s_axi_arlen(host_arlen), .s_axi_wvalid(host_wvalid),
        .s_axi_wready(host_wready), .s_axi_wdata(host_wdata), .s_axi_wstrb(host_wstrb), .s_axi_wlast(host_wlast),
        .s_axi_bvalid(host_bvalid), .s_axi_bready(host_bready), .s_axi_bresp(host_bresp), .s_axi_bid(host_bid),
        .s_axi_rvalid(host_rvalid), .s_axi_rready(host_rready), .s_axi_rdata(host_rdata), .s_axi_rresp(host_rresp),
        .s_axi_rlast(host_rlast), .s_axi_rid(host_rid),
        .p_valid(p_valid), .p_write(p_write), .p_addr(p_addr[12:0]), .p_wdata(p_wdata), .p_done(p_done), .p_rdata(p_rdata)
    );

    // The store: four blocks of 4 KiB.
    axi_store_128x1024 u_store (
        .clk(core_clk), .rst(core_rst),
        .s_axi_awvalid(store_awvalid), .s_axi_awready(store_awready), .s_axi_awaddr(store_awaddr),
        .s_axi_awid(store_awid), .s_axi_arvalid(store_arvalid), .s_axi_arready(store_arready),
        .s_axi_araddr(store_araddr), .s_axi_arid(store_arid), .s_axi_arlen(store_arlen), .s_axi_wvalid(store_wvalid),
        .s_axi_wready(store_wready), .s_axi_wdata(store_wdata), .s_axi_wlast(store_wlast),
        .s_axi_bvalid(store_bvalid), .s_axi_bready(store_bready), .s_axi_bresp(store_bresp), .s_axi_bid(store_bid),
        .s_axi_rvalid(store_rvalid), .s_axi_rready(store_rready), .s_axi_rdata(store_rdata),
        .s_axi_rresp(store_rresp), .s_axi_rlast(store_rlast), .s_axi_rid(store_rid)
    );

    assign lights = {|irq, rx_dv, ~idle, core_rst};
endmodule

`default_nettype wire
