// Defect: s is used a line before it is declared.
module use_before (input wire a, output wire z);
  assign z = s;
  wire s;
  assign s = ~a;
endmodule
