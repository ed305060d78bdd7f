// Defect: s and z form a combinational loop.
module comb_loop (input wire a, output wire z);
  wire s;
  assign s = z | a;
  assign z = s & a;
endmodule
