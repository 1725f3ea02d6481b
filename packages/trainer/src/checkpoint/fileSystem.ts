import { mkdir, open, rename, rm } from "node:fs/promises";
import { syncFolder } from "@splitmask/files";

/** A new file that is being written. */
export interface WritableFile {
  /** Adds bytes at the end. */
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves when what was written is on the disk. */
  sync(): Promise<void>;
  /** Closes the file. */
  close(): Promise<void>;
}

/**
 * What the writing of a checkpoint asks of a file system. Give one of your own to `train` to see what a full disk or a
 * crash at some call would do.
 */
export interface CheckpointFileSystem {
  /** Makes a folder and its missing parents. */
  makeFolder(path: string): Promise<void>;
  /** Makes a file that must not exist yet. */
  create(path: string): Promise<WritableFile>;
  /** Resolves when the names in a folder are on the disk, where the file system can do that. */
  syncFolder(path: string): Promise<void>;
  /** Moves a file or folder. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a folder with all that is in it; does nothing where there is none. */
  remove(path: string): Promise<void>;
}

/** The file system of the machine. */
export const nodeFileSystem: CheckpointFileSystem = {
  async makeFolder(path) {
    await mkdir(path, { recursive: true });
  },
  async create(path) {
    const handle = await open(path, "wx");
    return {
      write: (bytes) => handle.writeFile(bytes),
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  },
  syncFolder,
  rename,
  remove: (path) => rm(path, { recursive: true, force: true }),
};
