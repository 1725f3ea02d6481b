import { pictureFilters, pictureOperationNumbers } from "./codes.js";
import { defineKernel, defineListKernel } from "./defineKernel.js";
import { none } from "./extents.js";

/** Kernels on batches of pictures. */
export const pictures = {
  /**
   * One batch: for each picture (H×W×C in its own buffer) resize the box [cropY, cropX, cropHeight, cropWidth]
   * (fractions of a pixel allowed) to outputHeight×outputWidth (filter bicubic, a = −0.5, or bilinear), flip, apply
   * `operations` rows of the operations buffer from row `firstOperation` on, and (value/255 − mean[c])/std[c]. output
   * B×C×H×W; normalization [2C]: means, then stds; operations [operationRows×16] (see `pictureOperations`), may be null
   * when there are no rows.
   *
   * Antialiased, first along rows, then along columns, as Pillow's resize(box=…): taps may lie outside of the box,
   * inside the picture; with `confined` 1 the box is cut out first, as torchvision does. Each pass clips to [0, 255] as
   * Pillow's 8-bit passes do, but keeps fractions; a picture with operations is rounded to 8 bits before them.
   */
  augmentImages: defineListKernel({
    integers: ["outputHeight", "outputWidth", "channels", "operationRows"],
    buffers: {
      output: { output: true, extent: (n, items) => items * n.channels * n.outputHeight * n.outputWidth },
      normalization: { type: "float64", extent: (n) => 2 * n.channels },
      operations: {
        type: "float64",
        optional: true,
        extent: (n) => pictureOperationNumbers * n.operationRows,
      },
    },
    operations: none,
    each: {
      integers: [
        "height",
        "width",
        "filter",
        "confined",
        "horizontalFlip",
        "verticalFlip",
        "firstOperation",
        "operations",
      ],
      values: ["cropY", "cropX", "cropHeight", "cropWidth"],
      codes: { filter: pictureFilters },
      buffers: {
        picture: {
          type: "uint8",
          extent: (n, call) => n.height * n.width * call.channels,
          traffic: (n, call) =>
            call.channels * Math.min(n.cropHeight, n.height) * Math.min(n.cropWidth, n.width),
        },
      },
      operations: none,
    },
  }),
  /**
   * mixup and CutMix of a batch B×C×H×W: output[i] = lambda·input[i] + (1 − lambda)·input[partner]; where `rows` is
   * above 0 instead input[i] with the box [top, left, rows, columns] of input[partner] pasted in.
   */
  mixImages: defineListKernel({
    integers: ["channels", "height", "width"],
    buffers: {
      output: { output: true, extent: (n, items) => items * n.channels * n.height * n.width },
      input: { extent: (n, items) => items * n.channels * n.height * n.width },
    },
    operations: (n, items) => 3 * items * n.channels * n.height * n.width,
    each: {
      integers: ["partner", "top", "left", "rows", "columns"],
      values: ["lambda"],
      buffers: {},
      operations: none,
    },
  }),
  /**
   * output[i,:] (B×classes) = lambda·q(labels[i]) + (1 − lambda)·q(labels[partner]), q(y) = (1 − smoothing)·onehot(y) +
   * smoothing/classes.
   */
  mixTargets: defineListKernel({
    integers: ["classes"],
    values: ["smoothing"],
    buffers: {
      output: { output: true, extent: (n, items) => items * n.classes },
      labels: { type: "int32", extent: (_, items) => items },
    },
    operations: (n, items) => 3 * items * n.classes,
    each: { integers: ["partner"], values: ["lambda"], buffers: {}, operations: none },
  }),
  /** output[c] += Σ value/255, output[C+c] += Σ (value/255)² over all pixels of the pictures H×W×C. */
  channelMoments: defineListKernel({
    integers: ["channels"],
    buffers: {
      output: {
        output: true,
        type: "float64",
        extent: (n) => 2 * n.channels,
        traffic: (n) => 4 * n.channels,
      },
    },
    operations: none,
    each: {
      integers: ["height", "width"],
      buffers: { picture: { type: "uint8", extent: (n, call) => n.height * n.width * call.channels } },
      operations: (n) => 12 * n.height * n.width,
    },
  }),
  /**
   * The matrix outputSize×inputSize (rows sum to 1) of bicubic (a = −0.5 antialiased; a = −0.75 else, as PyTorch's)
   * interpolation with half-pixel centers.
   */
  interpolationMatrix: defineKernel({
    integers: ["outputSize", "inputSize", "antialias"],
    buffers: { output: { output: true, extent: (n) => n.outputSize * n.inputSize } },
    operations: none,
  }),
};
