// AMD Alveo U50: the core at DATA_W 512 on the QSFP28 cage at 100G, PCIe gen3 x16, and the HBM as the local store.
//
//   qsfp <-> mac_100g (cmac_usplus) <-> FIFOs <-> dyad_core <-> shell (AXI bridge to PCIe, HBM, SmartConnect) <-> pcie
//
// Clocks: core_clk is 250 MHz, made from clk100. The MAC runs at 322.27 MHz; frames cross in asynchronous FIFOs. The MAC must
// not run dry inside a frame, so what goes out waits in its FIFO until the frame is whole: some 65 cycles more for a block than
// a cut-through would cost. HBM is not stable storage: what is there is lost with power.
//
// Must never hold: logic of the protocol.

`default_nettype none

module alveo_u50 (
    input wire clk100_p, input wire clk100_n,
    input wire pcie_refclk_p, input wire pcie_refclk_n, input wire pcie_reset_n,
    input wire [15:0] pcie_rx_p, input wire [15:0] pcie_rx_n, output wire [15:0] pcie_tx_p, output wire [15:0] pcie_tx_n,
    input wire qsfp_refclk_p, input wire qsfp_refclk_n,
    input wire [3:0] qsfp_rx_p, input wire [3:0] qsfp_rx_n, output wire [3:0] qsfp_tx_p, output wire [3:0] qsfp_tx_n,
    output wire qsfp_led_act, output wire qsfp_led_green, output wire qsfp_led_yellow, output wire hbm_cattrip
);
    wire clk100_in, clk100, core_clk_mmcm, core_clk, mmcm_fb, mmcm_locked;
    IBUFDS u_clk100_in (.I(clk100_p), .IB(clk100_n), .O(clk100_in));
    BUFG u_clk100 (.I(clk100_in), .O(clk100));
    // 100 MHz x 10 / 4.
    MMCME4_BASE #(
        .CLKIN1_PERIOD(10), .CLKFBOUT_MULT_F(10), .DIVCLK_DIVIDE(1), .CLKOUT0_DIVIDE_F(4)
    ) u_mmcm (
        .CLKIN1(clk100), .CLKFBIN(mmcm_fb), .RST(1'b0), .PWRDWN(1'b0),
        .CLKFBOUT(mmcm_fb), .CLKOUT0(core_clk_mmcm), .LOCKED(mmcm_locked)
    );
    BUFG u_core_clk (.I(core_clk_mmcm), .O(core_clk));

    wire pcie_sys_clk, pcie_sys_clk_gt, pcie_sys_rst_n;
    IBUFDS_GTE4 u_pcie_refclk (
        .I(pcie_refclk_p), .IB(pcie_refclk_n), .CEB(1'b0), .O(pcie_sys_clk_gt), .ODIV2(pcie_sys_clk)
    );
    IBUF u_pcie_reset (.I(pcie_reset_n), .O(pcie_sys_rst_n));

    wire core_rst, pcie_clk, pcie_rst_n, pcie_link_up, reset_core;
    xpm_cdc_async_rst #(.RST_ACTIVE_HIGH(1)) u_core_rst (
        .src_arst(~mmcm_locked | ~pcie_rst_n), .dest_clk(core_clk), .dest_arst(reset_core)
    );
    // Synchronous to core_clk at both edges, as the core wants it.
    reg core_rst_q = 1'b1;
    always @(posedge core_clk) core_rst_q <= reset_core;
    assign core_rst = core_rst_q;

    // MAC. FCS is made and checked there; its verdict on a frame is tuser with tlast, at the core's side too. It sends
    // remote fault until its receiver is aligned (IEEE 802.3 81.3.4).
    wire [511:0] tx_tdata, rx_tdata, mac_tx_tdata, mac_rx_tdata;
    wire [63:0] tx_tkeep, rx_tkeep, mac_tx_tkeep, mac_rx_tkeep;
    wire tx_tvalid, tx_tready, tx_tlast, tx_tuser, rx_tvalid, rx_tready, rx_tlast, rx_tuser;
    wire mac_clk, mac_tx_reset, mac_rx_reset, aligned;
    wire mac_tx_tvalid, mac_tx_tready, mac_tx_tlast, mac_tx_tuser, mac_rx_tvalid, mac_rx_tlast, mac_rx_tuser;
    reg link_ok = 1'b0;
    always @(posedge mac_clk) link_ok <= aligned & ~mac_rx_reset;
    mac_100g u_mac (
        .gt_rxp_in(qsfp_rx_p), .gt_rxn_in(qsfp_rx_n), .gt_txp_out(qsfp_tx_p), .gt_txn_out(qsfp_tx_n),
        .gt_ref_clk_p(qsfp_refclk_p), .gt_ref_clk_n(qsfp_refclk_n), .init_clk(clk100), .sys_reset(1'b0),
        .gt_loopback_in(12'd0), .gt_txusrclk2(mac_clk), .rx_clk(mac_clk),
        .core_rx_reset(1'b0), .core_tx_reset(1'b0), .usr_rx_reset(mac_rx_reset), .usr_tx_reset(mac_tx_reset),
        .rx_axis_tvalid(mac_rx_tvalid), .rx_axis_tdata(mac_rx_tdata), .rx_axis_tlast(mac_rx_tlast),
        .rx_axis_tkeep(mac_rx_tkeep), .rx_axis_tuser(mac_rx_tuser),
        .tx_axis_tready(mac_tx_tready), .tx_axis_tvalid(mac_tx_tvalid), .tx_axis_tdata(mac_tx_tdata),
        .tx_axis_tlast(mac_tx_tlast), .tx_axis_tkeep(mac_tx_tkeep), .tx_axis_tuser(mac_tx_tuser), .tx_preamblein(56'd0),
        .ctl_rx_enable(1'b1), .ctl_rx_force_resync(1'b0), .ctl_rx_test_pattern(1'b0),
        .ctl_tx_enable(link_ok), .ctl_tx_send_idle(1'b0), .ctl_tx_send_rfi(~link_ok), .ctl_tx_send_lfi(1'b0),
        .ctl_tx_test_pattern(1'b0),
        .ctl_rx_rsfec_enable(1'b1), .ctl_rx_rsfec_enable_correction(1'b1), .ctl_rx_rsfec_enable_indication(1'b1),
        .ctl_tx_rsfec_enable(1'b1), .ctl_rsfec_ieee_error_indication_mode(1'b1),
        .gtwiz_reset_tx_datapath(1'b0), .gtwiz_reset_rx_datapath(1'b0),
        .core_drp_reset(1'b0), .drp_clk(1'b0), .drp_addr(10'd0), .drp_di(16'd0), .drp_en(1'b0), .drp_we(1'b0),
        .stat_rx_aligned(aligned)
    );

    // Out: whole frames, so that the MAC finds no gap in one. 256 beats hold three frames of a block.
    xpm_fifo_axis #(
        .CLOCKING_MODE("independent_clock"), .FIFO_DEPTH(256), .PACKET_FIFO("true"), .TDATA_WIDTH(512), .TUSER_WIDTH(1)
    ) u_tx_fifo (
        .s_aclk(core_clk), .s_aresetn(~core_rst), .m_aclk(mac_clk),
        .s_axis_tdata(tx_tdata), .s_axis_tkeep(tx_tkeep), .s_axis_tlast(tx_tlast), .s_axis_tuser(tx_tuser),
        .s_axis_tvalid(tx_tvalid), .s_axis_tready(tx_tready),
        .m_axis_tdata(mac_tx_tdata), .m_axis_tkeep(mac_tx_tkeep), .m_axis_tlast(mac_tx_tlast), .m_axis_tuser(mac_tx_tuser),
        .m_axis_tvalid(mac_tx_tvalid), .m_axis_tready(mac_tx_tready)
    );

    // In: the core always takes, and faster than frames come (250 MHz x 512 bits against 100 Gb/s).
    wire rx_fifo_ready;
    xpm_fifo_axis #(
        .CLOCKING_MODE("independent_clock"), .FIFO_DEPTH(256), .PACKET_FIFO("false"), .TDATA_WIDTH(512), .TUSER_WIDTH(1)
    ) u_rx_fifo (
        .s_aclk(mac_clk), .s_aresetn(~mac_rx_reset), .m_aclk(core_clk),
        .s_axis_tdata(mac_rx_tdata), .s_axis_tkeep(mac_rx_tkeep), .s_axis_tlast(mac_rx_tlast), .s_axis_tuser(mac_rx_tuser),
        .s_axis_tvalid(mac_rx_tvalid), .s_axis_tready(rx_fifo_ready),
        .m_axis_tdata(rx_tdata), .m_axis_tkeep(rx_tkeep), .m_axis_tlast(rx_tlast), .m_axis_tuser(rx_tuser),
        .m_axis_tvalid(rx_tvalid), .m_axis_tready(rx_tready)
    );

    // Interrupts: the core gives a pulse a vector in its clock; the bridge wants a level until it answers, in its own.
    wire [7:0] irq, irq_ack, irq_pulse;
    reg [7:0] irq_req = 8'd0;
    genvar v;
    generate
        for (v = 0; v < 8; v = v + 1) begin : irq_cross
            xpm_cdc_pulse #(.RST_USED(0)) u_pulse (
                .src_clk(core_clk), .src_rst(1'b0), .src_pulse(irq[v]),
                .dest_clk(pcie_clk), .dest_rst(1'b0), .dest_pulse(irq_pulse[v])
            );
        end
    endgenerate
    always @(posedge pcie_clk)
        if (!pcie_rst_n) irq_req <= 8'd0;
        else irq_req <= (irq_req & ~irq_ack) | irq_pulse;

    // Time, in periods of the core's clock.
    reg [63:0] now = 64'd0;
    always @(posedge core_clk) now <= now + 64'd1;

    // HBM keeps nothing over a loss of power: what has been answered is as safe as it gets.
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
        host_araddr, host_awaddr, host_wstrb;
    wire [7:0]
        host_arlen, host_awlen, store_awlen, store_arlen;
    wire [2:0]
        host_arsize, host_awsize, store_awsize, store_arsize;
    wire [511:0]
        host_rdata, host_wdata;
    wire [51:0]
        store_awaddr, store_araddr;
    wire [1023:0]
        store_wdata, store_rdata;
    wire [127:0]
        store_wstrb;
    wire idle;
    dyad_core u_core (
        .clk(core_clk), .rst(core_rst), .now(now), .s_axil_awaddr(csr_awaddr), .s_axil_awvalid(csr_awvalid),
        .s_axil_awready(csr_awready), .s_axil_wdata(csr_wdata), .s_axil_wstrb(csr_wstrb),
        .s_axil_wvalid(csr_wvalid), .s_axil_wready(csr_wready), .s_axil_bresp(csr_bresp),
        .s_axil_bvalid(csr_bvalid), .s_axil_bready(csr_bready), .s_axil_araddr(csr_araddr),
        .s_axil_arvalid(csr_arvalid), .s_axil_arready(csr_arready), .s_axil_rdata(csr_rdata),
        .s_axil_rresp(csr_rresp), .s_axil_rvalid(csr_rvalid), .s_axil_rready(csr_rready),
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
        .m_axi_store_wstrb(store_wstrb), .m_axi_store_wlast(store_wlast), .m_axi_store_wvalid(store_wvalid),
        .m_axi_store_wready(store_wready), .m_axi_store_bresp(store_bresp), .m_axi_store_bvalid(store_bvalid),
        .m_axi_store_bready(store_bready), .m_axi_store_araddr(store_araddr), .m_axi_store_arlen(store_arlen),
        .m_axi_store_arsize(store_arsize), .m_axi_store_arburst(store_arburst),
        .m_axi_store_arvalid(store_arvalid), .m_axi_store_arready(store_arready), .m_axi_store_rdata(store_rdata),
        .m_axi_store_rresp(store_rresp), .m_axi_store_rlast(store_rlast), .m_axi_store_rvalid(store_rvalid),
        .m_axi_store_rready(store_rready), .m_axi_host_arid(host_arid), .m_axi_host_awid(host_awid),
        .m_axi_host_rid(host_rid), .m_axi_host_bid(host_bid), .m_axi_store_arid(store_arid),
        .m_axi_store_awid(store_awid), .m_axi_store_rid(store_rid), .m_axi_store_bid(store_bid),
        .store_flush_req(store_flush), .store_flush_ack(store_flushed), .store_flush_err(1'b0),
        .m_axis_tx_tready(tx_tready), .m_axis_tx_tvalid(tx_tvalid), .m_axis_tx_tlast(tx_tlast),
        .m_axis_tx_tuser(tx_tuser), .m_axis_tx_tkeep(tx_tkeep), .m_axis_tx_tdata(tx_tdata),
        .s_axis_rx_tvalid(rx_tvalid), .s_axis_rx_tready(rx_tready), .s_axis_rx_tdata(rx_tdata),
        .s_axis_rx_tkeep(rx_tkeep), .s_axis_rx_tlast(rx_tlast), .s_axis_rx_tuser(rx_tuser), .idle(idle)
    );

    shell_wrapper u_shell (
        .pcie_sys_clk(pcie_sys_clk), .pcie_sys_clk_gt(pcie_sys_clk_gt), .pcie_sys_rst_n(pcie_sys_rst_n),
        .pcie_rxp(pcie_rx_p), .pcie_rxn(pcie_rx_n), .pcie_txp(pcie_tx_p), .pcie_txn(pcie_tx_n),
        .pcie_clk(pcie_clk), .pcie_rst_n(pcie_rst_n), .pcie_link_up(pcie_link_up),
        .irq_req(irq_req), .irq_ack(irq_ack), .core_clk(core_clk), .core_rst_n(~core_rst),
        .hbm_ref_clk(clk100), .hbm_cattrip(hbm_cattrip),
        .csr_awaddr(csr_awaddr), .csr_awvalid(csr_awvalid), .csr_awready(csr_awready), .csr_wdata(csr_wdata),
        .csr_wstrb(csr_wstrb), .csr_wvalid(csr_wvalid), .csr_wready(csr_wready), .csr_bresp(csr_bresp),
        .csr_bvalid(csr_bvalid), .csr_bready(csr_bready), .csr_araddr(csr_araddr), .csr_arvalid(csr_arvalid),
        .csr_arready(csr_arready), .csr_rdata(csr_rdata), .csr_rresp(csr_rresp), .csr_rvalid(csr_rvalid),
        .csr_rready(csr_rready), .host_arready(host_arready), .host_arvalid(host_arvalid),
        .host_araddr(host_araddr), .host_arlen(host_arlen), .host_arsize(host_arsize), .host_arburst(host_arburst),
        .host_rvalid(host_rvalid), .host_rlast(host_rlast), .host_rresp(host_rresp), .host_rdata(host_rdata),
        .host_rready(host_rready), .host_awready(host_awready), .host_awvalid(host_awvalid),
        .host_awaddr(host_awaddr), .host_awlen(host_awlen), .host_awsize(host_awsize), .host_awburst(host_awburst),
        .host_wready(host_wready), .host_wvalid(host_wvalid), .host_wdata(host_wdata), .host_wstrb(host_wstrb),
        .host_wlast(host_wlast), .host_bvalid(host_bvalid), .host_bresp(host_bresp), .host_bready(host_bready),
        .store_awaddr(store_awaddr), .store_awlen(store_awlen), .store_awsize(store_awsize),
        .store_awburst(store_awburst), .store_awvalid(store_awvalid), .store_awready(store_awready),
        .store_wdata(store_wdata), .store_wstrb(store_wstrb), .store_wlast(store_wlast),
        .store_wvalid(store_wvalid), .store_wready(store_wready), .store_bresp(store_bresp),
        .store_bvalid(store_bvalid), .store_bready(store_bready), .store_araddr(store_araddr),
        .store_arlen(store_arlen), .store_arsize(store_arsize), .store_arburst(store_arburst),
        .store_arvalid(store_arvalid), .store_arready(store_arready), .store_rdata(store_rdata),
        .store_rresp(store_rresp), .store_rlast(store_rlast), .store_rvalid(store_rvalid),
        .store_rready(store_rready), .host_arid(host_arid), .host_awid(host_awid), .host_rid(host_rid),
        .host_bid(host_bid), .store_arid(store_arid), .store_awid(store_awid), .store_rid(store_rid),
        .store_bid(store_bid)
    );

    assign qsfp_led_act = ~idle;
    assign qsfp_led_green = link_ok;
    assign qsfp_led_yellow = ~pcie_link_up | mac_tx_reset;
endmodule

`default_nettype wire
