/**
 * Folders and files that systems put among people's own, in lower case: thumbnails, bins and snapshots of Synology and
 * QNAP, what Windows, macOS and ext4 keep on a disk, and what zip files made by macOS leave behind.
 */
const systemNames = new Set([
  "@eadir",
  "@recently-snapshot",
  "@recycle",
  "@sharebin",
  "@snapshot",
  "@tmp",
  "#recycle",
  "#snapshot",
  "$recycle.bin",
  "__macosx",
  "desktop.ini",
  "ehthumbs.db",
  "lost+found",
  "network trash folder",
  "recycler",
  "system volume information",
  "temporary items",
  "thumbs.db",
]);

/**
 * Whether a file or folder is left out by its name, wherever it lies: it is hidden (a dot in front, as
 * `.ipynb_checkpoints`, `.Trashes` and macOS' `._1.jpg`), or the system's.
 *
 * @param name The name without its folder.
 */
export function isHiddenOrSystem(name: string): boolean {
  return name.startsWith(".") || systemNames.has(name.toLowerCase());
}

/**
 * Whether a path leads through a hidden or system folder, or to such a file.
 *
 * @param path With `/` between names; `.` and `..` are not names.
 */
export function passesHiddenOrSystem(path: string): boolean {
  return path.split("/").some((name) => name !== "." && name !== ".." && isHiddenOrSystem(name));
}
