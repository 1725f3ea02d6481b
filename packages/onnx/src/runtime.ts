import type * as Runtime from "onnxruntime-node";

/** What onnxruntime-node exports. */
export type OnnxRuntime = typeof Runtime;

/** Imports a module; tests give their own. */
export type ImportRuntime = () => Promise<OnnxRuntime>;

const importRuntime: ImportRuntime = () => import("onnxruntime-node");

/**
 * onnxruntime-node, which is imported when it is first needed: who uses no ONNX model need not install it.
 *
 * @param importIt How it is imported.
 * @throws Error (rejects) that says how to install it, or why it does not load.
 */
export async function loadRuntime(importIt: ImportRuntime = importRuntime): Promise<OnnxRuntime> {
  try {
    return await importIt();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isMissing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
    const problem = isMissing
      ? "an ONNX model runs in onnxruntime-node, which is not installed. Install it with: npm i onnxruntime-node"
      : `onnxruntime-node could not be loaded: ${message}. Install it again with: npm i onnxruntime-node`;
    throw new Error(`onnx: ${problem}`, { cause: error });
  }
}
