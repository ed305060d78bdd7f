// Defect: z keeps its value when en is low.
module latch (input wire en, input wire a, output reg z);
  always @(*) if (en) z = a;
endmodule
