/** An ending without its last part: `seg` of `seg.png`, nothing of `png`. */
export function stemOf(ending: string): string {
  return ending.slice(0, Math.max(0, ending.lastIndexOf(".")));
}

/** The last part of an ending: `png` of `seg.png` and of `png`. */
export function lastOf(ending: string): string {
  return ending.slice(ending.lastIndexOf(".") + 1);
}
