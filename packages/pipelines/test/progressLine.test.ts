import { progressLine } from "../src/terminal/progressLine.js";

const step = {
  step: 150,
  steps: 2000,
  losses: { total: 7.25, inpaint: 4.5, match: 2.75 },
  learningRate: 1e-3,
  imagesPerSecond: 181.4,
  secondsLeft: 1290,
};

test("a plain line tells everything", () => {
  expect(progressLine(step, null)).toBe(
    "step  150/2000  loss 7.250 (inpaint 4.500, match 2.750)  lr 1.0e-3  181 pictures/s  22 min left",
  );
  expect(progressLine({ ...step, imagesPerSecond: null, secondsLeft: null }, null)).toContain(
    "measuring the speed",
  );
});

test("figures of an evaluation are beside the losses", () => {
  expect(progressLine({ ...step, figures: { knnAccuracy: 0.4126 } }, null)).toContain(
    "match 2.750)  knnAccuracy 0.413  lr 1.0e-3",
  );
});

test("waiting for data is told from 2 % on", () => {
  expect(progressLine({ ...step, waitingShare: 0.019 }, null)).not.toContain("waiting");
  expect(progressLine({ ...step, waitingShare: null }, null)).not.toContain("waiting");
  expect(progressLine({ ...step, waitingShare: 0.123 }, null)).toContain(
    "181 pictures/s  12 % waiting for data  22 min",
  );
});

test("a live line has a bar where there is room", () => {
  expect(progressLine(step, 200)).toMatch(/^█▌·{18} {2}150\/2000/);
  expect(progressLine(step, 99)).toMatch(/^ 150\/2000/);
});
