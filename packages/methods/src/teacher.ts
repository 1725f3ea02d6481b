import type { Module } from "@splitmask/nn";
import { cosineSchedule, updateAverages } from "@splitmask/optim";

/**
 * Makes a module a teacher: it takes over a student's weights, and no gradient reaches it.
 *
 * @param teacher Of the student's sizes.
 * @returns The teacher.
 */
export function teacherOf<Network extends Module>(student: Network, teacher: Network): Network {
  teacher.loadStateDict(student.stateDict());
  for (const parameter of teacher.parameters()) parameter.requiresGrad = false;
  return teacher;
}

/**
 * weights ← momentum·weights + (1 − momentum)·student's, of every parameter that the student trains: others are the
 * same for both, or, as running statistics, each one's own.
 */
export function follow(teacher: Module, student: Module, momentum: number): void {
  const weights = teacher.namedParameters();
  const trained = [...student.namedParameters()].filter(([, { requiresGrad }]) => requiresGrad);
  updateAverages(
    trained.map(([name, value]) => ({ average: weights.get(name)!, value })),
    momentum,
  );
}

/** A teacher's momentum, which rises from `base` to 1 along a cosine, where this share of a run is done. */
export function risingMomentum(base: number, progress: number): number {
  return cosineSchedule({ base, minimum: 1, totalSteps: 1 })(progress);
}
