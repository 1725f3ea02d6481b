import { Tensor } from "@splitmask/autograd";
import { isParameter } from "./parameter.js";

/** How deep collections are looked into. */
const depth = 3;

/**
 * Throws where a property of a module holds something that is trained and that the module does not find.
 *
 * @param owner The module's class.
 * @param name The property, perhaps with an index.
 * @param value What it holds; neither a parameter nor a module.
 * @param isModule Whether something is a module.
 */
export function checkNoneHidden(
  owner: string,
  name: string,
  value: unknown,
  isModule: (value: unknown) => boolean,
): void {
  if (typeof value !== "object" || value === null) return;
  if (value instanceof Tensor) {
    if (!isTrainedTensor(value)) return;
    throw new TypeError(
      `${owner}: ${name} is a tensor that requires a gradient, but no Parameter, so nothing would train it. ` +
        `Write this.${name} = new Parameter(…), or set its requiresGrad to false.`,
    );
  }
  const found = trainedWithin(
    value,
    depth,
    (item) => isParameter(item) || isModule(item) || isTrainedTensor(item),
  );
  if (found === null) return;
  const what = isParameter(found)
    ? "a parameter"
    : isTrainedTensor(found)
      ? "a tensor that requires a gradient, but is no Parameter,"
      : `the module ${found.constructor.name}`;
  throw new TypeError(
    `${owner}: ${name} holds ${what} ` +
      `inside of ${collectionOf(value)}, where a module does not look, so nothing would train it. ` +
      "Put it in a property of its own, or in an array of modules.",
  );
}

/** Whether something is a tensor that its maker wants to train. */
function isTrainedTensor(value: unknown): boolean {
  return value instanceof Tensor && value.requiresGrad && value.isLeaf;
}

function trainedWithin(value: object, depth: number, isTrained: (item: unknown) => boolean): object | null {
  for (const item of itemsOf(value)) {
    if (typeof item !== "object" || item === null) continue;
    if (isTrained(item)) return item;
    const found = depth > 1 ? trainedWithin(item, depth - 1, isTrained) : null;
    if (found !== null) return found;
  }
  return null;
}

/** What a collection holds; nothing for other objects. */
function itemsOf(value: object): Iterable<unknown> {
  if (Array.isArray(value) || value instanceof Set || value instanceof Map) return value.values();
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? Object.values(value) : [];
}

function collectionOf(value: object): string {
  if (Array.isArray(value)) return "an array of arrays";
  if (value instanceof Map) return "a Map";
  return value instanceof Set ? "a Set" : "an object";
}
