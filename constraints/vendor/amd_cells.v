// Black boxes of AMD's primitives and of the IP that the build scripts create: names, widths and directions of the ports
// that the boards' top levels use, so that open tools can elaborate them. Sources: UG974 (UltraScale+ libraries, XPM), PG210
// (10G/25G Ethernet), PG203 (UltraScale+ 100G Ethernet), UG572 (clocking). Vivado never reads this file.

(* blackbox *) module IBUFDS (input wire I, input wire IB, output wire O);
endmodule

(* blackbox *) module IBUFDS_GTE4 (input wire I, input wire IB, input wire CEB, output wire O, output wire ODIV2);
endmodule

(* blackbox *) module IBUF (input wire I, output wire O);
endmodule

(* blackbox *) module BUFG (input wire I, output wire O);
endmodule

(* blackbox *) module MMCME4_BASE #(
    parameter CLKIN1_PERIOD = 0, parameter CLKFBOUT_MULT_F = 5, parameter DIVCLK_DIVIDE = 1,
    parameter CLKOUT0_DIVIDE_F = 1
) (
    input wire CLKIN1, input wire CLKFBIN, input wire RST, input wire PWRDWN,
    output wire CLKFBOUT, output wire CLKOUT0, output wire LOCKED
);
endmodule

(* blackbox *) module xpm_cdc_async_rst #(
    parameter DEST_SYNC_FF = 4, parameter RST_ACTIVE_HIGH = 0
) (input wire src_arst, input wire dest_clk, output wire dest_arst);
endmodule

(* blackbox *) module xpm_cdc_sync_rst #(
    parameter DEST_SYNC_FF = 4, parameter INIT = 1
) (input wire src_rst, input wire dest_clk, output wire dest_rst);
endmodule

(* blackbox *) module xpm_cdc_pulse #(
    parameter DEST_SYNC_FF = 4, parameter RST_USED = 1
) (
    input wire src_clk, input wire src_rst, input wire src_pulse,
    input wire dest_clk, input wire dest_rst, output wire dest_pulse
);
endmodule

(* blackbox *) module xpm_fifo_axis #(
    parameter CLOCKING_MODE = "common_clock", parameter FIFO_DEPTH = 2048, parameter PACKET_FIFO = "false",
    parameter TDATA_WIDTH = 32, parameter TUSER_WIDTH = 1, parameter FIFO_MEMORY_TYPE = "auto"
) (
    input wire s_aclk, input wire s_aresetn, input wire m_aclk,
    input wire [TDATA_WIDTH-1:0] s_axis_tdata, input wire [TDATA_WIDTH/8-1:0] s_axis_tkeep, input wire s_axis_tlast,
    input wire [TUSER_WIDTH-1:0] s_axis_tuser, input wire s_axis_tvalid, output wire s_axis_tready,
    output wire [TDATA_WIDTH-1:0] m_axis_tdata, output wire [TDATA_WIDTH/8-1:0] m_axis_tkeep, output wire m_axis_tlast,
    output wire [TUSER_WIDTH-1:0] m_axis_tuser, output wire m_axis_tvalid, input wire m_axis_tready
);
endmodule

// 10G/25G Ethernet subsystem, one lane at 10G, MAC and PCS, 64-bit AXI4-Stream, no AXI4-Lite.
(* blackbox *) module mac_10g (
    input wire gt_rxp_in_0, input wire gt_rxn_in_0, output wire gt_txp_out_0, output wire gt_txn_out_0,
    input wire gt_refclk_p, input wire gt_refclk_n, input wire dclk, input wire sys_reset,
    output wire tx_clk_out_0, output wire rx_clk_out_0, input wire rx_core_clk_0,
    input wire rx_reset_0, input wire tx_reset_0, output wire user_rx_reset_0, output wire user_tx_reset_0,
    output wire rx_axis_tvalid_0, output wire [63:0] rx_axis_tdata_0, output wire rx_axis_tlast_0,
    output wire [7:0] rx_axis_tkeep_0, output wire rx_axis_tuser_0,
    output wire tx_axis_tready_0, input wire tx_axis_tvalid_0, input wire [63:0] tx_axis_tdata_0,
    input wire tx_axis_tlast_0, input wire [7:0] tx_axis_tkeep_0, input wire tx_axis_tuser_0,
    input wire [55:0] tx_preamblein_0,
    input wire ctl_rx_enable_0, input wire ctl_rx_check_preamble_0, input wire ctl_rx_check_sfd_0,
    input wire ctl_rx_force_resync_0, input wire ctl_rx_delete_fcs_0, input wire ctl_rx_ignore_fcs_0,
    input wire [14:0] ctl_rx_max_packet_len_0, input wire [7:0] ctl_rx_min_packet_len_0,
    input wire ctl_rx_process_lfi_0, input wire ctl_rx_test_pattern_0,
    input wire ctl_tx_enable_0, input wire ctl_tx_send_rfi_0, input wire ctl_tx_send_lfi_0, input wire ctl_tx_send_idle_0,
    input wire ctl_tx_fcs_ins_enable_0, input wire ctl_tx_ignore_fcs_0, input wire [3:0] ctl_tx_ipg_value_0,
    input wire ctl_tx_custom_preamble_enable_0, input wire ctl_rx_custom_preamble_enable_0,
    input wire ctl_tx_test_pattern_0,
    input wire gtwiz_reset_tx_datapath_0, input wire gtwiz_reset_rx_datapath_0, input wire qpllreset_in_0,
    input wire [2:0] txoutclksel_in_0, input wire [2:0] rxoutclksel_in_0,
    output wire stat_rx_status_0
);
endmodule

// UltraScale+ 100G Ethernet subsystem (a hard block), CAUI-4, RS-FEC, 512-bit AXI4-Stream.
(* blackbox *) module mac_100g (
    input wire [3:0] gt_rxp_in, input wire [3:0] gt_rxn_in, output wire [3:0] gt_txp_out, output wire [3:0] gt_txn_out,
    input wire gt_ref_clk_p, input wire gt_ref_clk_n, input wire init_clk, input wire sys_reset,
    input wire [11:0] gt_loopback_in, output wire gt_txusrclk2, input wire rx_clk,
    input wire core_rx_reset, input wire core_tx_reset, output wire usr_rx_reset, output wire usr_tx_reset,
    output wire rx_axis_tvalid, output wire [511:0] rx_axis_tdata, output wire rx_axis_tlast,
    output wire [63:0] rx_axis_tkeep, output wire rx_axis_tuser,
    output wire tx_axis_tready, input wire tx_axis_tvalid, input wire [511:0] tx_axis_tdata, input wire tx_axis_tlast,
    input wire [63:0] tx_axis_tkeep, input wire tx_axis_tuser, input wire [55:0] tx_preamblein,
    input wire ctl_rx_enable, input wire ctl_rx_force_resync, input wire ctl_rx_test_pattern,
    input wire ctl_tx_enable, input wire ctl_tx_send_idle, input wire ctl_tx_send_rfi, input wire ctl_tx_send_lfi,
    input wire ctl_tx_test_pattern,
    input wire ctl_rx_rsfec_enable, input wire ctl_rx_rsfec_enable_correction, input wire ctl_rx_rsfec_enable_indication,
    input wire ctl_tx_rsfec_enable, input wire ctl_rsfec_ieee_error_indication_mode,
    input wire gtwiz_reset_tx_datapath, input wire gtwiz_reset_rx_datapath,
    input wire core_drp_reset, input wire drp_clk, input wire [9:0] drp_addr, input wire [15:0] drp_di, input wire drp_en,
    input wire drp_we, output wire stat_rx_aligned
);
endmodule
