// Passes every linter.
module leaf (input wire clk, input wire rst, input wire [7:0] d, output reg [7:0] q);
  initial q = 8'd0;
  always @(posedge clk) if (rst) q <= 8'd0; else q <= d;
endmodule
module clean (input wire clk, input wire rst, input wire [7:0] a, input wire [7:0] b, output wire [7:0] y, output reg z);
  wire [7:0] s;
  assign s = {a + b};
  leaf u_leaf (.clk(clk), .rst(rst), .d(s), .q(y));
  always @(*) begin
    z = 1'b0;
    if (s == 8'd3) z = 1'b1;
  end
endmodule
