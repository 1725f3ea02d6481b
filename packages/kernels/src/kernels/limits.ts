import { defineKernel } from "./defineKernel.js";

/** What the machine can do at most, measured as any kernel is (see `measureLimits`). */
export const limits = {
  /**
   * output[t] = Σ of 256 numbers that start as chain / 256 and each become x·scale + offset, `steps` times, in
   * registers: 512·steps operations a task.
   */
  multiplyAdds: defineKernel({
    integers: ["tasks", "steps"],
    values: ["scale", "offset"],
    buffers: { output: { output: true, extent: (n) => n.tasks } },
    operations: (n) => 512 * n.tasks * n.steps,
  }),
  /**
   * output[t] = Σ of 256 numbers that start as chain / 256 and to each of which factor·factor is added twice a step, in
   * registers and with the bfloat16 dot instruction where the set has it: 1024·steps operations a task. factor: a value
   * that bfloat16 holds.
   */
  bfloat16Dots: defineKernel({
    integers: ["tasks", "steps"],
    values: ["factor"],
    buffers: { output: { output: true, extent: (n) => n.tasks } },
    operations: (n) => 1024 * n.tasks * n.steps,
  }),
};
