/**
 * An encoded part of a protocol buffer: its bytes in pieces, so that large arrays are not copied at each level.
 * https://protobuf.dev/programming-guides/encoding/
 */
export interface Encoded {
  /** The pieces, one behind the other. */
  readonly pieces: readonly Uint8Array[];
  /** Their bytes together. */
  readonly length: number;
}

/** A value of a field: a whole number, a text, bytes, or a message. */
export type FieldValue = number | string | Uint8Array | Encoded;

const varintType = 0;
const lengthType = 2;
const fixed32Type = 5;

/** Seven bits a byte, the lowest first; negative numbers take ten bytes. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const more = rest > 0x7fn;
    bytes.push(Number(rest & 0x7fn) | (more ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

const tag = (field: number, type: number) => varint(field * 8 + type);

/** Parts one behind the other: a message of fields. */
export function message(...parts: readonly Encoded[]): Encoded {
  const pieces = parts.flatMap((part) => part.pieces);
  return { pieces, length: parts.reduce((length, part) => length + part.length, 0) };
}

function encoded(...pieces: readonly Uint8Array[]): Encoded {
  return { pieces, length: pieces.reduce((length, piece) => length + piece.length, 0) };
}

/** A field of a message, by its number. */
export function field(number: number, value: FieldValue): Encoded {
  if (typeof value === "number") return encoded(tag(number, varintType), varint(value));
  if (typeof value === "string") return field(number, new TextEncoder().encode(value));
  const content = value instanceof Uint8Array ? encoded(value) : value;
  return message(encoded(tag(number, lengthType), varint(content.length)), content);
}

/** A field that is there once for each value. */
export function repeated(number: number, values: readonly FieldValue[]): Encoded {
  return message(...values.map((value) => field(number, value)));
}

/** A field of 32 bits with a fractional number. */
export function floatField(number: number, value: number): Encoded {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return encoded(tag(number, fixed32Type), bytes);
}

/** All bytes of a message. */
export function bytesOf({ length, pieces }: Encoded): Uint8Array {
  const bytes = new Uint8Array(length);
  let place = 0;
  for (const piece of pieces) {
    bytes.set(piece, place);
    place += piece.length;
  }
  return bytes;
}
