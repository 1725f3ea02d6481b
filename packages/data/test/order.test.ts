import { spawnSync } from "node:child_process";
import { epochOrder, type OrderOptions } from "@splitmask/data";

const whole = async (options: OrderOptions) => [...(await epochOrder(options).slice(0, options.length))];
const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);
const upTo = (length: number) => [...Array(length).keys()];

describe("epochOrder", () => {
  test("repeated: each picture some times in a row, as many places as before, from any place on", async () => {
    for (const groups of [undefined, Int32Array.of(0, 3, 7)]) {
      const options = { length: 11, seed: 5, epoch: 2, groups };
      const once = await whole(options);
      const repeated = await whole({ ...options, repeats: 3 });
      expect(repeated).toEqual(upTo(11).map((place) => once[Math.floor(place / 3)]));
      expect([...(await epochOrder({ ...options, repeats: 3 }).slice(4, 5))]).toEqual(repeated.slice(4, 9));
      expect([...(await epochOrder({ ...options, repeats: 3 }).slice(9, 8))]).toEqual(repeated.slice(9));
      expect(await whole({ ...options, repeats: 1 })).toEqual(once);
    }
    expect(() => epochOrder({ length: 3, seed: 0, epoch: 0, repeats: 0 })).toThrow(
      "epochOrder: repeats is 0; expected a whole number, at least 1.",
    );
  });

  test("without groups: every picture once, another order for each seed and epoch", async () => {
    const options = { length: 1000, seed: 5, epoch: 0 };
    const order = await whole(options);
    expect(sorted(order)).toEqual(upTo(1000));
    expect(await whole(options)).toEqual(order);
    expect(await whole({ ...options, epoch: 1 })).not.toEqual(order);
    expect(await whole({ ...options, seed: 6 })).not.toEqual(order);
    // One group is no reason to do otherwise.
    expect(await whole({ ...options, groups: Int32Array.of(0) })).toEqual(order);
  });

  test("every permutation of three pictures is as likely as another", async () => {
    const counts = new Map<string, number>();
    const draws = 6000;
    for (let epoch = 0; epoch < draws; epoch++) {
      const order = String(await whole({ length: 3, seed: 1, epoch }));
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // Six standard deviations of a binomial count.
    for (const count of counts.values())
      expect(Math.abs(count - draws / 6)).toBeLessThan(6 * Math.sqrt((draws * 5) / 36));
  });

  test("with groups: every picture once, from a window of groups at a time", async () => {
    const groups = Int32Array.from([0, 10, 11, 40, 55, 90, 91, 92]);
    const options = { length: 100, seed: 2, epoch: 3, groups, groupWindow: 3 };
    const order = await whole(options);
    expect(sorted(order)).toEqual(upTo(100));
    expect(await whole(options)).toEqual(order);
    expect(await whole({ ...options, epoch: 4 })).not.toEqual(order);
    const groupOf = (index: number) => groups.findLastIndex((begin) => begin <= index);
    const sizeOf = (group: number) => (groups[group + 1] ?? 100) - groups[group]!;
    const seen = new Set<number>();
    for (let place = 0; place < 100; ) {
      // The groups of a window are those of as many pictures as they hold.
      const window = new Set<number>();
      let end = place;
      while (window.size < 3 && seen.size + window.size < 8) {
        window.add(groupOf(order[end]!));
        end++;
      }
      const pictures = [...window].reduce((sum, group) => sum + sizeOf(group), 0);
      const inside = new Set(order.slice(place, place + pictures).map(groupOf));
      expect(inside).toEqual(window);
      for (const group of window) seen.add(group);
      place += pictures;
    }
    expect(seen.size).toBe(8);
  });

  test("slices of any length from any place are parts of the same order", async () => {
    const groups = Int32Array.from([0, 7, 9, 30, 31, 50]);
    for (const options of [
      { length: 64, seed: 1, epoch: 0 },
      { length: 64, seed: 1, epoch: 0, groups, groupWindow: 2 },
    ]) {
      const expected = await whole(options);
      for (const size of [1, 5, 16, 63, 64, 100]) {
        const order = epochOrder(options);
        for (let first = 0; first < 64; first += size) {
          expect([...(await order.slice(first, size))]).toEqual(expected.slice(first, first + size));
        }
      }
      const order = epochOrder(options);
      for (const first of [60, 3, 33, 0]) {
        expect([...(await order.slice(first, 4))]).toEqual(expected.slice(first, first + 4));
      }
    }
  });

  test("pictures of a window are mixed, and its groups come in any order", async () => {
    const groups = Int32Array.from({ length: 50 }, (_, group) => group * 20);
    const order = await whole({ length: 1000, seed: 9, epoch: 0, groups, groupWindow: 10 });
    const window = order.slice(0, 200).map((index) => Math.floor(index / 20));
    // 200 pictures of ten groups, mixed: neighbors are seldom of one group (expected: 19 of 199).
    const same = window.filter((group, place) => place > 0 && group === window[place - 1]).length;
    expect(same).toBeLessThan(45);
    expect(sorted([...new Set(window)])).not.toEqual(upTo(10));
  });

  test("the order of a million pictures is made in small parts, between which the event loop turns", () => {
    // In a process of its own: jest's makes every look at a global slow. Shares of this process' own processor time,
    // which depend neither on the machine nor on other processes.
    const program = `
      import { epochOrder } from ${JSON.stringify(import.meta.resolve("@splitmask/data"))};
      const groups = Int32Array.from({ length: 1000 }, (_, group) => group * 1000);
      const [shares, totals] = [[], []];
      const now = () => {
        const { user, system } = process.cpuUsage();
        return (user + system) / 1000;
      };
      for (let epoch = 0; epoch < 6; epoch++) {
        let pause = 0;
        const first = now();
        let last = first;
        const look = () => {
          pause = Math.max(pause, now() - last);
          last = now();
        };
        const timer = setInterval(look, 1);
        await epochOrder({ length: 1e6, seed: 1, epoch, ...(epoch % 2 ? { groups } : {}) }).slice(5e5, 256);
        look();
        clearInterval(timer);
        totals.push(last - first);
        shares.push(pause / (last - first));
      }
      console.log(JSON.stringify({ shares, totals }));`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      encoding: "utf8",
    });
    const { shares, totals } = JSON.parse(stdout) as Record<"shares" | "totals", number[]>;
    // The collector and the compiler run meanwhile too, so the best of a few tries counts.
    const best = (values: number[], kind: number) =>
      Math.min(...values.filter((_, epoch) => epoch % 2 === kind));
    expect(best(shares, 0)).toBeLessThan(0.5);
    // With groups only the window that is asked for is mixed.
    expect(best(totals, 1)).toBeLessThan(best(totals, 0) / 4);
  });

  test("wrong groups and windows", () => {
    const options = { length: 10, seed: 0, epoch: 0 };
    const message = (groups: number[]) => () => epochOrder({ ...options, groups: Int32Array.from(groups) });
    expect(message([1, 5])).toThrow(
      "epochOrder: groups is [1, 5] for 10 pictures; expected rising indices, the first 0.",
    );
    expect(message([0, 5, 5, 6, 7])).toThrow("epochOrder: groups is [0, 5, 5, 6, …] for 10 pictures");
    expect(message([0, 10])).toThrow("for 10 pictures; expected rising indices");
    expect(() => epochOrder({ ...options, groups: Int32Array.of(0, 5), groupWindow: 1.5 })).toThrow(
      "epochOrder: groupWindow is 1.5; expected a whole number, at least 1.",
    );
  });
});
