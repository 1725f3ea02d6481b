// Compiled, never run, by compile.test.ts: each @ts-expect-error is an error of its own if its line compiles.
import { defineOperation } from "../../dist/operation.js";
import { operationTable } from "../../dist/ops/table.js";
import type { Tensor } from "../../dist/tensor.js";

type Pair = { readonly a: Tensor; readonly b: Tensor | null };
const forward = ({ a }: Pair, _: { factor: number }) => ({ output: a, saved: { mean: a } });

defineOperation({
  name: "gelu",
  forward,
  gradient: ({ outputGradient, saved, attributes, needs, shapes }) => {
    const factor: number = attributes.factor;
    const kept: Tensor = saved.mean;
    const rows: number = shapes.a.length + factor;
    return { a: needs.a && rows > 0 ? outputGradient : null, b: kept };
  },
});

// @ts-expect-error: an operation without a gradient rule
defineOperation({ name: "gelu", forward });

// @ts-expect-error: a name that is not in the list
defineOperation({ name: "geluu", forward, gradient: () => ({ a: null, b: null }) });

// @ts-expect-error: a rule without an entry for b
defineOperation({ name: "gelu", forward, gradient: () => ({ a: null }) });

defineOperation({
  name: "gelu",
  forward,
  // @ts-expect-error: a rule that reads what its forward function did not save
  gradient: ({ saved }) => ({ a: saved.rstd, b: null }),
});

const { gelu: _gelu, ...rest } = operationTable;
// @ts-expect-error: a table without one of the operations
export const incomplete: typeof operationTable = rest;

// @ts-expect-error: an operation under another's name
export const swapped: typeof operationTable = { ...operationTable, gelu: operationTable.relu };
