import type { Method } from "@splitmask/methods";
import { defaultMethodName, field } from "@splitmask/methods/settings";
import { z } from "zod";

const method = z.union(
  [z.string().min(1), z.custom<Method>((value) => typeof value === "object" && value !== null)],
  {
    error: "the name of a method, the path of a module whose default export is one, or in a module a method",
  },
);

/** Which method trains. */
export const methodFields = {
  method: field(method, {
    description:
      "Pre-training method: a name such as mae, or the path of a module whose default export is a " +
      `method, such as ./my-method.js. Default: ${defaultMethodName}`,
    placeholder: "<name>",
  }),
};
