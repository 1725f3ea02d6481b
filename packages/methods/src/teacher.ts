import type { Module } from "@splitmask/nn";
import { cosineSchedule, updateAverages } from "@splitmask/optim";

/**
 * Makes a module a teacher: it gets a student's weights, and its parameters require no gradient.
 *
 * @param teacher A module with the student's parameters.
 * @returns The teacher.
 */
export function teacherOf<Network extends Module>(student: Network, teacher: Network): Network {
  teacher.loadStateDict(student.stateDict());
  for (const parameter of teacher.parameters()) parameter.requiresGrad = false;
  return teacher;
}

/**
 * Updates a teacher: weights ← momentum·weights + (1 − momentum)·student's, of every parameter that requires a gradient
 * in the student. Others are either fixed, the same for both, or running statistics, which each updates by itself.
 */
export function follow(teacher: Module, student: Module, momentum: number): void {
  const weights = teacher.namedParameters();
  const trained = [...student.namedParameters()].filter(([, { requiresGrad }]) => requiresGrad);
  updateAverages(
    trained.map(([name, value]) => ({ average: weights.get(name)!, value })),
    momentum,
  );
}

/** A teacher's momentum when a share `progress` of the run, 0 to 1, is done: from `base` to 1 along a cosine. */
export function risingMomentum(base: number, progress: number): number {
  return cosineSchedule({ base, minimum: 1, totalSteps: 1 })(progress);
}
