import { type Html, html } from "../html/html.js";
import { type StyleSheet, styleElement } from "./assets.js";

/**
 * A whole HTML document, with its style sheet inside.
 *
 * @param title The page's title.
 * @param style The style sheet.
 * @param body What stands in the body.
 */
export function htmlDocument(title: string, style: StyleSheet, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – SplitMask</title>
<link rel="icon" href="data:,">
${styleElement(style)}
</head>
<body>
${body}</body>
</html>
`.toString();
}
