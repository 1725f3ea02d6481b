/**
 * Files that are whole or not there after a crash, and lock files.
 *
 * @packageDocumentation
 */
export { syncFolder, writeFileDurably } from "./durableFile.js";
export { acquireFileLock, type FileLock, FileLockedError } from "./fileLock.js";
