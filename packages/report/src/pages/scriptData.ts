/** What the page's script knows of a chart, so that it can read out the values at a step. */
export interface ChartReading {
  /** Where the lines begin, in the drawing's units. */
  readonly left: number;
  /** Where they end. */
  readonly right: number;
  /** The step at `left`. */
  readonly first: number;
  /** The step at `right`. */
  readonly last: number;
  /** The lines: name, rising steps, one value a step. */
  readonly series: readonly {
    readonly name: string;
    readonly steps: readonly number[];
    readonly values: readonly number[];
  }[];
}

/** What the page's script knows of a map, so that it can zoom, name points and show pictures. */
export interface MapPoints {
  /** The place of each point across the drawing. */
  readonly x: readonly number[];
  /** The place of each point down the drawing. */
  readonly y: readonly number[];
  /** What the pictures are called. */
  readonly names: readonly string[];
  /** Index of each point's class. */
  readonly classOf: readonly number[];
  /** Names of the classes. */
  readonly classes: readonly string[];
  /** Side of a picture in the atlas. */
  readonly tile: number;
  /** Pictures in a row of the atlas. */
  readonly columns: number;
  /** Width of the drawing. */
  readonly width: number;
  /** Height of the drawing. */
  readonly height: number;
}
