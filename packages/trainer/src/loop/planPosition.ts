/** A change of a timed run's plan. */
export interface Replan {
  /** Steps that were begun by then: those after them follow the new plan. */
  readonly step: number;
  /** Steps of the whole run from then on. */
  readonly steps: number;
}

/** How a run's number of steps came to be: enough to repeat it. */
export interface PlanHistory {
  /**
   * Steps of the first plan. The run's schedules are those of a run of so many steps, stretched or shortened where the
   * plan was changed.
   */
  readonly firstSteps: number;
  /** What became of it, in order. */
  readonly replans: readonly Replan[];
}

/** The steps of the whole run. */
export function stepsOf({ firstSteps, replans }: PlanHistory): number {
  return replans.at(-1)?.steps ?? firstSteps;
}

/** From a step on, each takes the run so many steps of its first plan further. */
interface Piece {
  readonly from: number;
  readonly position: number;
  readonly pace: number;
}

/**
 * Where a run stands in its first plan after so many steps: at 0 before the first, at `firstSteps` after the last.
 * Continuous: each change of the plan spreads what is left of the first plan evenly over the steps that are left.
 *
 * @param fixed So many steps of the first plan, such as a warm-up of given length, are as long as they are. Default 0.
 */
export function positionIn({ firstSteps, replans }: PlanHistory, fixed = 0): (step: number) => number {
  let pieces: readonly Piece[] = [{ from: 0, position: 0, pace: 1 }];
  const positionOf = (step: number) => {
    const { from, pace, position } = pieces.findLast((piece) => piece.from <= step)!;
    return position + (step - from) * pace;
  };
  for (const { step, steps } of replans) {
    const from = step < fixed && fixed < steps ? fixed : step;
    const position = positionOf(from);
    const pace = steps > from ? (firstSteps - position) / (steps - from) : 0;
    pieces = [...pieces.filter((piece) => piece.from < from), { from, position, pace }];
  }
  return positionOf;
}
