// Defect: nothing drives s.
module undriven (input wire a, output wire z);
  wire s;
  assign z = s & a;
endmodule
