// A stand-in for the card, for tests of the world around it: the same ports, a few registers, and one
// thing to do on each bus.
//
//   0x00 r  identity          0x04 rw scratch            0x08 w  send a frame of so many beats
//   0x0c w  send a frame of 9 beats, so many cycles from now, at the next timer scan
//   0x10 w  copy 8 beats of host memory from 0x1000 to 0x2000, then irq 1
//   0x14 r  copies done, and in 31:30 the worst response  0x18 r  never answers
//   0x1c r  `now` of the last frame's first beat in       0x20 r  `now` of the last frame's first beat out
//   0x24 r  bus error         0x28 w  flush the store, then irq 3      0x2c r  failed flushes
//   0x30 w  write a beat of this word to the store at 0x80, then irq 4
//   0x34 rw answer each good frame with one of 9 beats    0x38 rw be ready for frames (bit 0)
//   0x3c w  send a frame of so many beats that has a hole
module dyad_core #(
    parameter DATA_W = 64, parameter STORE_W = 256
) (
    input clk, input rst, input [63:0] now, output idle, output reg [7:0] irq,
    input [15:0] s_axil_awaddr, input s_axil_awvalid, output s_axil_awready,
    input [31:0] s_axil_wdata, input [3:0] s_axil_wstrb, input s_axil_wvalid, output s_axil_wready,
    output [1:0] s_axil_bresp, output reg s_axil_bvalid, input s_axil_bready,
    input [15:0] s_axil_araddr, input s_axil_arvalid, output s_axil_arready,
    output reg [31:0] s_axil_rdata, output reg [1:0] s_axil_rresp, output reg s_axil_rvalid, input s_axil_rready,
    output [63:0] m_axi_host_awaddr, output [7:0] m_axi_host_awlen, output [2:0] m_axi_host_awsize,
    output [1:0] m_axi_host_awburst, output [3:0] m_axi_host_awid, output m_axi_host_awvalid, input m_axi_host_awready,
    output [DATA_W-1:0] m_axi_host_wdata, output [DATA_W/8-1:0] m_axi_host_wstrb, output m_axi_host_wlast, output m_axi_host_wvalid,
    input m_axi_host_wready,
    input [3:0] m_axi_host_bid, input [1:0] m_axi_host_bresp, input m_axi_host_bvalid, output m_axi_host_bready,
    output [63:0] m_axi_host_araddr, output [7:0] m_axi_host_arlen, output [2:0] m_axi_host_arsize,
    output [1:0] m_axi_host_arburst, output [3:0] m_axi_host_arid, output m_axi_host_arvalid, input m_axi_host_arready,
    input [3:0] m_axi_host_rid, input [DATA_W-1:0] m_axi_host_rdata, input [1:0] m_axi_host_rresp, input m_axi_host_rlast,
    input m_axi_host_rvalid, output m_axi_host_rready,
    output [51:0] m_axi_store_awaddr, output [7:0] m_axi_store_awlen, output [2:0] m_axi_store_awsize,
    output [1:0] m_axi_store_awburst, output [3:0] m_axi_store_awid, output m_axi_store_awvalid,
    input m_axi_store_awready,
    output [STORE_W-1:0] m_axi_store_wdata, output [STORE_W/8-1:0] m_axi_store_wstrb, output m_axi_store_wlast,
    output m_axi_store_wvalid, input m_axi_store_wready,
    input [3:0] m_axi_store_bid, input [1:0] m_axi_store_bresp, input m_axi_store_bvalid, output m_axi_store_bready,
    output [51:0] m_axi_store_araddr, output [7:0] m_axi_store_arlen, output [2:0] m_axi_store_arsize,
    output [1:0] m_axi_store_arburst, output [3:0] m_axi_store_arid, output m_axi_store_arvalid,
    input m_axi_store_arready,
    input [3:0] m_axi_store_rid, input [STORE_W-1:0] m_axi_store_rdata, input [1:0] m_axi_store_rresp,
    input m_axi_store_rlast, input m_axi_store_rvalid, output m_axi_store_rready,
    output reg store_flush_req, input store_flush_ack, input store_flush_err,
    input [DATA_W-1:0] s_axis_rx_tdata, input [DATA_W/8-1:0] s_axis_rx_tkeep, input s_axis_rx_tvalid, output s_axis_rx_tready,
    input s_axis_rx_tlast, input s_axis_rx_tuser,
    output [DATA_W-1:0] m_axis_tx_tdata, output [DATA_W/8-1:0] m_axis_tx_tkeep, output m_axis_tx_tvalid, input m_axis_tx_tready,
    output m_axis_tx_tlast, output m_axis_tx_tuser
);
  // Registers.
  reg [31:0] scratch, rx_now, tx_now, flush_errors;
  reg respond, rx_enable, hung;
  wire write = s_axil_awvalid & s_axil_wvalid & ~s_axil_bvalid;
  assign s_axil_awready = write;
  assign s_axil_wready = write;
  assign s_axil_bresp = 2'd0;
  assign s_axil_arready = ~s_axil_rvalid & ~hung;
  reg [29:0] copies;
  reg [1:0] copy_worst;
  always @(posedge clk) begin
    if (s_axil_bready) s_axil_bvalid <= 1'b0;
    if (s_axil_rready) s_axil_rvalid <= 1'b0;
    if (write) begin
      s_axil_bvalid <= 1'b1;
      case (s_axil_awaddr)
        16'h04: scratch <= s_axil_wdata;
        16'h34: respond <= s_axil_wdata[0];
        16'h38: rx_enable <= s_axil_wdata[0];
        default: ;
      endcase
    end
    if (s_axil_arvalid & s_axil_arready) begin
      s_axil_rvalid <= s_axil_araddr != 16'h18;
      hung <= s_axil_araddr == 16'h18;
      s_axil_rresp <= s_axil_araddr == 16'h24 ? 2'd2 : 2'd0;
      case (s_axil_araddr)
        16'h00: s_axil_rdata <= 32'h5374616e;
        16'h04: s_axil_rdata <= scratch;
        16'h14: s_axil_rdata <= {copy_worst, copies};
        16'h1c: s_axil_rdata <= rx_now;
        16'h20: s_axil_rdata <= tx_now;
        16'h2c: s_axil_rdata <= flush_errors;
        default: s_axil_rdata <= 32'd0;
      endcase
    end
    if (rst) begin
      s_axil_bvalid <= 1'b0; s_axil_rvalid <= 1'b0; hung <= 1'b0;
      scratch <= 32'd0; respond <= 1'b0; rx_enable <= 1'b1;
    end
  end

  // Receiver.
  reg rx_first, rx_good;
  assign s_axis_rx_tready = rx_enable;
  always @(posedge clk) begin
    rx_good <= 1'b0;
    if (s_axis_rx_tvalid & s_axis_rx_tready) begin
      rx_first <= s_axis_rx_tlast;
      if (rx_first) rx_now <= now[31:0];
      rx_good <= s_axis_rx_tlast & ~s_axis_rx_tuser;
    end
    if (rst) begin rx_first <= 1'b1; rx_good <= 1'b0; end
  end

  // Transmitter with one timer, which looks at its deadline once in 4096 cycles.
  reg [15:0] tx_left;
  reg tx_started, tx_hole, armed;
  reg [63:0] deadline;
  wire fires = armed & now >= deadline & now[11:0] == 12'h123;
  assign m_axis_tx_tvalid = tx_left != 16'd0 & ~(tx_hole & tx_started & tx_left == 16'd3);
  wire [63:0] tx_word = tx_started ? {48'd0, tx_left} : 64'h0605040302010000;
  assign m_axis_tx_tdata = {DATA_W/64{tx_word}};
  assign m_axis_tx_tkeep = {DATA_W/8{1'b1}};
  assign m_axis_tx_tlast = tx_left == 16'd1;
  assign m_axis_tx_tuser = 1'b0;
  always @(posedge clk) begin
    if (tx_hole & tx_left == 16'd3) tx_hole <= 1'b0;
    if (m_axis_tx_tvalid & m_axis_tx_tready) begin
      if (~tx_started) tx_now <= now[31:0];
      tx_started <= ~m_axis_tx_tlast;
      tx_left <= tx_left - 16'd1;
    end
    if (tx_left == 16'd0) begin
      if (fires) begin tx_left <= 16'd9; armed <= 1'b0; end
      else if (rx_good & respond) tx_left <= 16'd9;
      else if (write & s_axil_awaddr == 16'h08) tx_left <= s_axil_wdata[15:0];
      else if (write & s_axil_awaddr == 16'h3c) begin tx_left <= s_axil_wdata[15:0]; tx_hole <= 1'b1; end
    end
    if (write & s_axil_awaddr == 16'h0c) begin armed <= 1'b1; deadline <= now + {32'd0, s_axil_wdata}; end
    if (rst) begin tx_left <= 16'd0; tx_started <= 1'b0; tx_hole <= 1'b0; armed <= 1'b0; end
  end

  // Copier: 8 beats in, then 8 beats out.
  localparam [2:0] DATA_SIZE = $clog2(DATA_W / 8);
  reg [DATA_W-1:0] buffer [0:7];
  reg [2:0] in_index, out_index;
  reg ar_valid, aw_valid, w_valid, copying;
  assign m_axi_host_araddr = 64'h1000;
  assign m_axi_host_arlen = 8'd7;
  assign m_axi_host_arsize = DATA_SIZE;
  assign m_axi_host_arburst = 2'd1;
  assign m_axi_host_arid = 4'd5;
  assign m_axi_host_arvalid = ar_valid;
  assign m_axi_host_rready = 1'b1;
  assign m_axi_host_awaddr = 64'h2000;
  assign m_axi_host_awlen = 8'd7;
  assign m_axi_host_awsize = DATA_SIZE;
  assign m_axi_host_awburst = 2'd1;
  assign m_axi_host_awid = 4'd6;
  assign m_axi_host_awvalid = aw_valid;
  assign m_axi_host_wdata = buffer[out_index];
  assign m_axi_host_wstrb = {DATA_W/8{1'b1}};
  assign m_axi_host_wlast = out_index == 3'd7;
  assign m_axi_host_wvalid = w_valid;
  assign m_axi_host_bready = 1'b1;
  always @(posedge clk) begin
    if (write & s_axil_awaddr == 16'h10 & ~copying) begin ar_valid <= 1'b1; copying <= 1'b1; end
    if (ar_valid & m_axi_host_arready) ar_valid <= 1'b0;
    if (m_axi_host_rvalid) begin
      buffer[in_index] <= m_axi_host_rdata;
      in_index <= in_index + 3'd1;
      if (m_axi_host_rresp > copy_worst) copy_worst <= m_axi_host_rresp;
      if (m_axi_host_rlast) begin aw_valid <= 1'b1; w_valid <= 1'b1; end
    end
    if (aw_valid & m_axi_host_awready) aw_valid <= 1'b0;
    if (w_valid & m_axi_host_wready) begin
      out_index <= out_index + 3'd1;
      if (m_axi_host_wlast) w_valid <= 1'b0;
    end
    if (m_axi_host_bvalid) begin
      copying <= 1'b0;
      copies <= copies + 30'd1;
      if (m_axi_host_bresp > copy_worst) copy_worst <= m_axi_host_bresp;
    end
    if (rst) begin
      ar_valid <= 1'b0; aw_valid <= 1'b0; w_valid <= 1'b0; copying <= 1'b0;
      in_index <= 3'd0; out_index <= 3'd0; copies <= 30'd0; copy_worst <= 2'd0;
    end
  end

  // Store.
  localparam [2:0] STORE_SIZE = $clog2(STORE_W / 8);
  reg store_aw, store_w, storing;
  reg [31:0] store_word;
  assign m_axi_store_awaddr = 52'h80;
  assign m_axi_store_awlen = 8'd0;
  assign m_axi_store_awsize = STORE_SIZE;
  assign m_axi_store_awburst = 2'd1;
  assign m_axi_store_awid = 4'd0;
  assign m_axi_store_awvalid = store_aw;
  assign m_axi_store_wdata = {STORE_W/32{store_word}};
  assign m_axi_store_wstrb = {STORE_W/8{1'b1}};
  assign m_axi_store_wlast = 1'b1;
  assign m_axi_store_wvalid = store_w;
  assign m_axi_store_bready = 1'b1;
  assign m_axi_store_araddr = 52'd0;
  assign m_axi_store_arlen = 8'd0;
  assign m_axi_store_arsize = STORE_SIZE;
  assign m_axi_store_arburst = 2'd1;
  assign m_axi_store_arid = 4'd0;
  assign m_axi_store_arvalid = 1'b0;
  assign m_axi_store_rready = 1'b1;
  always @(posedge clk) begin
    if (write & s_axil_awaddr == 16'h30 & ~storing) begin
      store_aw <= 1'b1; store_w <= 1'b1; storing <= 1'b1; store_word <= s_axil_wdata;
    end
    if (store_aw & m_axi_store_awready) store_aw <= 1'b0;
    if (store_w & m_axi_store_wready) store_w <= 1'b0;
    if (m_axi_store_bvalid) storing <= 1'b0;
    if (write & s_axil_awaddr == 16'h28) store_flush_req <= 1'b1;
    if (store_flush_ack) begin
      store_flush_req <= 1'b0;
      flush_errors <= flush_errors + {31'd0, store_flush_err};
    end
    if (rst) begin
      store_aw <= 1'b0; store_w <= 1'b0; storing <= 1'b0; store_flush_req <= 1'b0; flush_errors <= 32'd0;
    end
  end

  always @(posedge clk)
    irq <= rst ? 8'd0
         : {3'd0, m_axi_store_bvalid, store_flush_ack, 1'b0, m_axi_host_bvalid, rx_good};

  // A timer that may fire within the longest jump and the scan after it keeps the card awake. What an input starts in
  // this very cycle does not show yet: the world waits a little before it believes.
  wire soon = armed & deadline < now + 64'd73728;
  assign idle = ~rst & tx_left == 16'd0 & ~soon & rx_first;

  wire unused = &{1'b0, s_axil_wstrb, m_axi_host_bid, m_axi_host_rid, m_axi_store_bid, m_axi_store_bresp,
                  m_axi_store_rid, m_axi_store_rdata, m_axi_store_rresp, m_axi_store_rlast, m_axi_store_rvalid,
                  m_axi_store_arready, s_axis_rx_tdata, s_axis_rx_tkeep};
endmodule
