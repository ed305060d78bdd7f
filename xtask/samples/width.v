// Defect: operands of different widths.
module width (input wire [7:0] a, input wire [3:0] b, output wire [7:0] z);
  assign z = a & b;
endmodule
