// Builds the documentation site into docs/api: the guides and pages beside the API, searchable by words, and llms.txt,
// a list of its pages for language models. Every link within the site has to lead somewhere.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../tools/release/run.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const site = join(root, "docs/api");

/** The pages of the site. */
const pages = () =>
  readdirSync(site, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".html"));

/** Links of the pages to what is not there: a page, a file, or a heading of a page. */
function brokenLinks() {
  const texts = new Map(pages().map((path) => [join(site, path), readFileSync(join(site, path), "utf8")]));
  const anchors = new Map(
    [...texts].map(([path, text]) => [
      path,
      new Set([...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)),
    ]),
  );
  const broken = [];
  for (const [path, text] of texts) {
    for (const [, link] of text.matchAll(/<a [^>]*href="([^"]+)"/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [file, anchor = ""] = decodeURI(link).split("#");
      const target = file === "" ? path : resolve(dirname(path), file);
      const isThere = existsSync(target) && (anchor === "" || (anchors.get(target)?.has(anchor) ?? true));
      if (!isThere) broken.push(`${path.slice(site.length + 1)}: ${link}`);
    }
  }
  return [...new Set(broken)];
}

/** The first paragraph of a Markdown page, below its heading. */
function leadOf(text) {
  const [, lead = ""] = text.split(/\n{2,}/);
  return lead.replaceAll(/\[([^\]]+)\]\([^)]*\)/g, "$1").replaceAll(/\s+/g, " ");
}

/** The list of pages, in the form of llmstxt.org. */
function pageList() {
  const link = (path) => `https://github.com/splitmask/splitmask/blob/main/${path}`;
  const entry = (path) => {
    const text = readFileSync(join(root, path), "utf8");
    const [, title = path] = /^# (.+)$/m.exec(text) ?? [];
    return `- [${title}](${link(path)}): ${leadOf(text)}`;
  };
  const below = (folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `${folder}/${name}`);
  const packages = readdirSync(join(root, "packages")).map((name) => `packages/${name}/README.md`);
  const sections = {
    Guides: below("docs/guides"),
    Packages: packages.filter((path) => existsSync(join(root, path))),
    Pages: below("docs"),
    "How it works": below("docs/rooms"),
  };
  const parts = Object.entries(sections).map(
    ([title, paths]) => `## ${title}\n\n${paths.map(entry).join("\n")}\n`,
  );
  const readme = readFileSync(join(root, "README.md"), "utf8");
  return `# SplitMask for TypeScript\n\n> ${leadOf(readme)}\n\n${parts.join("\n")}`;
}

run(join(root, "node_modules/.bin/typedoc"), [], { cwd: root });
writeFileSync(join(site, "llms.txt"), pageList());
const broken = brokenLinks();
if (broken.length > 0) throw new Error(`docs: links that lead nowhere:\n  ${broken.join("\n  ")}`);
console.log(`docs/api: ${pages().length} pages; open docs/api/index.html, or serve the folder`);
