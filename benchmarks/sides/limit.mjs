// The floor: how long so many operations take at the machine's limit, measured anew in every round. Argument:
// { operations, precision, threads } as JSON.
import { measureLimits } from "@splitmask/kernels";
import { serve } from "../serve.mjs";

const { operations, precision, threads } = JSON.parse(process.argv[2]);

await serve({
  information: {},
  async round() {
    const { multiplyAdds, bfloat16Dots } = await measureLimits({ threads });
    return { steps: 1, seconds: operations / (precision === "bfloat16" ? bfloat16Dots : multiplyAdds) };
  },
});
