// Compiled, never run, by compile.test.ts: each @ts-expect-error is an error of its own if its line compiles.
import { defineOperation, perform, type Tensor } from "@splitmask/autograd";

type Pair = { readonly a: Tensor; readonly b: Tensor | null };
const forward = ({ a }: Pair, _: { factor: number }) => ({ output: a, saved: { mean: a } });

const scaled = defineOperation({
  name: "scaled",
  forward,
  gradient: ({ outputGradient, saved, attributes, needs, shapes }) => {
    const factor: number = attributes.factor;
    const kept: Tensor = saved.mean;
    const rows: number = shapes.a.length + factor;
    return { a: needs.a && rows > 0 ? outputGradient : null, b: kept };
  },
});

// @ts-expect-error: an operation without a gradient rule
defineOperation({ name: "scaled", forward });

// @ts-expect-error: a rule without an entry for b
defineOperation({ name: "scaled", forward, gradient: () => ({ a: null }) });

defineOperation({
  name: "scaled",
  forward,
  // @ts-expect-error: a rule that reads what its forward function did not save
  gradient: ({ saved }) => ({ a: saved.rstd, b: null }),
});

defineOperation({
  name: "scaled",
  // @ts-expect-error: a forward function that returns no output
  forward: ({ a }: Pair) => ({ saved: { a } }),
  gradient: () => ({ a: null, b: null }),
});

export function use(a: Tensor): Tensor {
  const plain = defineOperation({
    name: "plain",
    forward: ({ x }: { x: Tensor }) => ({ output: x, saved: {} }),
    gradient: ({ outputGradient }) => ({ x: outputGradient }),
  });
  perform(plain, { x: a });
  perform(scaled, { a, b: null }, { factor: 2 });
  // @ts-expect-error: without the attributes
  perform(scaled, { a, b: null });
  // @ts-expect-error: without an input
  perform(scaled, { a }, { factor: 2 });
  // @ts-expect-error: an attribute of another type
  return perform(scaled, { a, b: null }, { factor: "2" });
}
