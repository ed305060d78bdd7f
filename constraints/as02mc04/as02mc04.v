// Alibaba AS02MC04: the core at DATA_W 64 on the first SFP28 cage at 10G, and PCIe gen3 x8.
//
//   sfp0 <-> mac_10g (xxv_ethernet) <-> dyad_core <-> shell (AXI bridge to PCIe, SmartConnect) <-> pcie
//
// Clocks: core_clk is the MAC's transmit clock, 156.25 MHz, so that frames go out without a crossing; what comes in crosses
// from the recovered clock in an asynchronous FIFO; SmartConnect crosses into the bridge's clock. The board has no memory
// of its own: the local store is a region of this host's memory, on the same bridge (see README.md).
//
// Must never hold: logic of the protocol.

`default_nettype none

module as02mc04 (
    input wire clk100_p, input wire clk100_n,
    input wire pcie_refclk_p, input wire pcie_refclk_n, input wire pcie_reset_n,
    input wire [7:0] pcie_rx_p, input wire [7:0] pcie_rx_n, output wire [7:0] pcie_tx_p, output wire [7:0] pcie_tx_n,
    input wire sfp_refclk_p, input wire sfp_refclk_n,
    input wire sfp0_rx_p, input wire sfp0_rx_n, output wire sfp0_tx_p, output wire sfp0_tx_n,
    output wire sfp0_led, output wire [3:0] led
);
    // 100 MHz that is always there: the transceivers' reset logic.
    wire clk100_in, clk100;
    IBUFDS u_clk100_in (.I(clk100_p), .IB(clk100_n), .O(clk100_in));
    BUFG u_clk100 (.I(clk100_in), .O(clk100));

    wire pcie_sys_clk, pcie_sys_clk_gt, pcie_sys_rst_n;
    IBUFDS_GTE4 u_pcie_refclk (
        .I(pcie_refclk_p), .IB(pcie_refclk_n), .CEB(1'b0), .O(pcie_sys_clk_gt), .ODIV2(pcie_sys_clk)
    );
    IBUF u_pcie_reset (.I(pcie_reset_n), .O(pcie_sys_rst_n));

    wire core_clk, core_rst, mac_tx_reset, pcie_clk, pcie_rst_n, pcie_link_up;
    wire reset_core;
    xpm_cdc_async_rst #(.RST_ACTIVE_HIGH(1)) u_core_rst (
        .src_arst(mac_tx_reset | ~pcie_rst_n), .dest_clk(core_clk), .dest_arst(reset_core)
    );
    // Synchronous to core_clk at both edges, as the core wants it.
    reg core_rst_q = 1'b1;
    always @(posedge core_clk) core_rst_q <= reset_core;
    assign core_rst = core_rst_q;

    // MAC. FCS is made and checked there; its verdict on a frame is tuser with tlast, at the core's side too.
    wire [63:0] tx_tdata, rx_tdata, mac_rx_tdata;
    wire [7:0] tx_tkeep, rx_tkeep, mac_rx_tkeep;
    wire tx_tvalid, tx_tready, tx_tlast, tx_tuser, rx_tvalid, rx_tready, rx_tlast, rx_tuser;
    wire mac_rx_clk, mac_rx_reset, mac_rx_tvalid, mac_rx_tlast, mac_rx_tuser, link_ok;
    mac_10g u_mac (
        .gt_rxp_in_0(sfp0_rx_p), .gt_rxn_in_0(sfp0_rx_n), .gt_txp_out_0(sfp0_tx_p), .gt_txn_out_0(sfp0_tx_n),
        .gt_refclk_p(sfp_refclk_p), .gt_refclk_n(sfp_refclk_n), .dclk(clk100), .sys_reset(1'b0),
        .tx_clk_out_0(core_clk), .rx_clk_out_0(mac_rx_clk), .rx_core_clk_0(mac_rx_clk),
        .rx_reset_0(1'b0), .tx_reset_0(1'b0), .user_rx_reset_0(mac_rx_reset), .user_tx_reset_0(mac_tx_reset),
        .rx_axis_tvalid_0(mac_rx_tvalid), .rx_axis_tdata_0(mac_rx_tdata), .rx_axis_tlast_0(mac_rx_tlast),
        .rx_axis_tkeep_0(mac_rx_tkeep), .rx_axis_tuser_0(mac_rx_tuser),
        .tx_axis_tready_0(tx_tready), .tx_axis_tvalid_0(tx_tvalid), .tx_axis_tdata_0(tx_tdata),
        .tx_axis_tlast_0(tx_tlast), .tx_axis_tkeep_0(tx_tkeep), .tx_axis_tuser_0(tx_tuser), .tx_preamblein_0(56'd0),
        .ctl_rx_enable_0(1'b1), .ctl_rx_check_preamble_0(1'b1), .ctl_rx_check_sfd_0(1'b1),
        .ctl_rx_force_resync_0(1'b0), .ctl_rx_delete_fcs_0(1'b1), .ctl_rx_ignore_fcs_0(1'b0),
        .ctl_rx_max_packet_len_0(15'd9600), .ctl_rx_min_packet_len_0(8'd64),
        .ctl_rx_process_lfi_0(1'b0), .ctl_rx_test_pattern_0(1'b0),
        .ctl_tx_enable_0(1'b1), .ctl_tx_send_rfi_0(1'b0), .ctl_tx_send_lfi_0(1'b0), .ctl_tx_send_idle_0(1'b0),
        .ctl_tx_fcs_ins_enable_0(1'b1), .ctl_tx_ignore_fcs_0(1'b0), .ctl_tx_ipg_value_0(4'd12),
        .ctl_tx_custom_preamble_enable_0(1'b0), .ctl_rx_custom_preamble_enable_0(1'b0), .ctl_tx_test_pattern_0(1'b0),
        .gtwiz_reset_tx_datapath_0(1'b0), .gtwiz_reset_rx_datapath_0(1'b0), .qpllreset_in_0(1'b0),
        .txoutclksel_in_0(3'b101), .rxoutclksel_in_0(3'b101), .stat_rx_status_0(link_ok)
    );

    // From the recovered clock to the core's. The core always takes, at a clock that is the same within 200 ppm, so 512
    // beats never fill.
    wire rx_fifo_ready;
    xpm_fifo_axis #(
        .CLOCKING_MODE("independent_clock"), .FIFO_DEPTH(512), .TDATA_WIDTH(64), .TUSER_WIDTH(1)
    ) u_rx_fifo (
        .s_aclk(mac_rx_clk), .s_aresetn(~mac_rx_reset), .m_aclk(core_clk),
        .s_axis_tdata(mac_rx_tdata), .s_axis_tkeep(mac_rx_tkeep), .s_axis_tlast(mac_rx_tlast),
        .s_axis_tuser(mac_rx_tuser), .s_axis_tvalid(mac_rx_tvalid), .s_axis_tready(rx_fifo_ready),
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

    // The store's writes have been answered by the bridge before the core raises this; host memory needs no more.
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
        csr_wdata, csr_rdata, store_wstrb;
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
    wire [255:0]
        store_wdata, store_rdata;
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

    assign sfp0_led = link_ok;
    assign led = {pcie_link_up, link_ok, ~idle, ~core_rst};
endmodule

`default_nettype wire
