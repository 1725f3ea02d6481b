/** The name of the method where none is given. */
export const defaultMethodName = "splitmask";
