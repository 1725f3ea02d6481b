import { add, affine, crossEntropy, type Tensor } from "@splitmask/autograd";
import { describeShape } from "./describeShape.js";

/**
 * The loss of DINO (Caron et al. 2021, arXiv 2104.14294, Eq. 3): a student's output for each view of a picture should
 * match the teacher's for every other global view. With the student's logits s and the teacher's distribution p, the
 * mean of −Σ_k p[k]·ln softmax(s)[k] over all pairs of two different views and over the pictures. No gradient flows to
 * the teacher.
 *
 * @param student One B×K for each view: logits, divided by the student's temperature; the global views first.
 * @param teacher One B×K for each global view, in the same order: distributions over the K prototypes, that is, the
 *   softmax of centered logits divided by the teacher's temperature.
 * @returns A scalar in nats; about ln K for a student that knows nothing (uniform outputs).
 * @throws TypeError If the shapes differ. RangeError if there is no pair of two views.
 */
export function distillationLoss(student: readonly Tensor[], teacher: readonly Tensor[]): Tensor {
  if (teacher.length === 0 || student.length < Math.max(2, teacher.length)) {
    throw new RangeError(
      `distillationLoss: there are ${student.length} views of the student and ${teacher.length} of the teacher; ` +
        "expected one or more global views, which the student sees too, and two views in all.",
    );
  }
  const expected = describeShape(student[0]!);
  const other = [...student, ...teacher].find((view) => view.rank !== 2 || describeShape(view) !== expected);
  if (other !== undefined) {
    throw new TypeError(
      `distillationLoss: one view is ${describeShape(other)} and the student's first is ${expected}; ` +
        "expected B×K each, the same pictures and prototypes in all.",
    );
  }
  const all = meanOf(teacher);
  // The cross-entropy is linear in its targets: n times that of their mean is the sum over all n.
  const terms = student.flatMap((logits, view) => {
    if (view >= teacher.length) return [scaled(crossEntropy(logits, all), teacher.length)];
    const others = teacher.filter((_, index) => index !== view);
    return others.length === 0 ? [] : [scaled(crossEntropy(logits, meanOf(others)), others.length)];
  });
  const pairs = teacher.length * (student.length - 1);
  return scaled(
    terms.reduce((total, term) => add(total, term)),
    1 / pairs,
  );
}

function scaled(x: Tensor, factor: number): Tensor {
  return factor === 1 ? x : affine(x, factor, 0);
}

function meanOf(distributions: readonly Tensor[]): Tensor {
  const total = distributions.reduce((sum, each) => add(sum, each));
  return scaled(total, 1 / distributions.length).detach();
}
