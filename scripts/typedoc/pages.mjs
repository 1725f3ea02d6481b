// The pages of the site: guides and other documents are called as their headings, in groups; what a package exports is
// sorted by the folders of its source, which say what their files are.
import { Comment, CommentTag, Converter, ReflectionKind } from "typedoc";

/** Groups of documents, by how their paths begin; the first that fits. */
const groups = [
  ["docs/guides/", "Guides"],
  ["docs/rooms/", "How it works"],
  ["docs/", "Pages"],
];

/** Words that a folder's name stands for, where it does not say it itself. */
const folderTitles = { ops: "Operations" };

const titleOf = (folder) => folderTitles[folder] ?? folder[0].toUpperCase() + folder.slice(1);

/** The comments that say what a reflection's category is: those of its signatures, if it has some. */
function commentsOf(reflection) {
  const holders = reflection.signatures ?? [reflection];
  for (const holder of holders) holder.comment ??= new Comment();
  return holders.map(({ comment }) => comment);
}

/** The folder below `src` that a reflection's file is in; undefined where it lies in `src` itself. */
function folderOf({ sources: [source] = [] }) {
  return /\/src\/([^/]+)\/.+\.ts$/.exec(source?.fullFileName ?? "")?.[1];
}

export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    const [first] = document.content;
    const heading = /^# (.+)$/m.exec(first?.text ?? "")?.[1];
    const path = document.project.files.getReflectionPath(document) ?? "";
    const group = groups.find(([start]) => path.includes(start))?.[1];
    if (heading !== undefined) document.name = heading;
    if (group !== undefined) document.frontmatter.group = group;
  });
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const reflection of project.getReflectionsByKind(ReflectionKind.SomeExport)) {
      const folder = folderOf(reflection);
      const isExported = reflection.parent === project || reflection.parent?.kind === ReflectionKind.Module;
      if (folder === undefined || !isExported) continue;
      for (const comment of commentsOf(reflection)) {
        comment.blockTags.push(new CommentTag("@category", [{ kind: "text", text: titleOf(folder) }]));
      }
    }
  });
}
