import { asMarkup, dataForScript, html } from "../src/html/html.js";

test("texts are escaped in elements and in attributes; numbers, HTML and lists go in", () => {
  const text = `<b a="1" c='2'>&amp;`;
  expect(html`<p title="${text}">${text}</p>`.toString()).toBe(
    '<p title="&#60;b a=&#34;1&#34; c=&#39;2&#39;&#62;&#38;amp;">&#60;b a=&#34;1&#34; c=&#39;2&#39;&#62;&#38;amp;</p>',
  );
  const cells = [1, 2.5].map((value) => html`<td>${value}</td>`);
  expect(html`<tr>${cells}${[["<"], null]}</tr>`.toString()).toBe("<tr><td>1</td><td>2.5</td>&#60;</tr>");
  expect(html`${asMarkup("<hr>")}`.toString()).toBe("<hr>");
});

test("null and false are nothing, 0 and the empty text are what they are", () => {
  expect(html`[${null}|${false}|${0}|${""}]`.toString()).toBe("[||0|]");
});

test("what neither HTML nor XML can hold becomes a replacement character; tabs and line breaks stay", () => {
  expect(html`${"a\0b\x1bc\ud800d\uffff"}`.toString()).toBe("a�b�c�d�");
  expect(html`${"tab\tnewline\nreturn\r😀\u2028"}`.toString()).toBe("tab\tnewline\nreturn&#13;😀\u2028");
});

test("a value in a tag has to be quoted", () => {
  const message = "html: put the value after <a href= in double quotation marks.";
  expect(() => html`<a href=${"x"}>`).toThrow(message);
  expect(() => html`<a class="${"a"}" href=${"x"}>`).toThrow('<a class="a" href= in double');
  expect(() => html`<a ${"x"}>`).toThrow("<a in double");
  expect(html`<p class="a${"b"}c">a = ${"d"}</p>`.toString()).toBe('<p class="abc">a = d</p>');
});

test("data for a script cannot end its element, and comes back as it was", () => {
  const data = { names: ["</script><script>", "<!--", "\u2028", "a&b", "\ud800"], x: [1, null] };
  const markup = dataForScript(data).toString();
  expect(markup.match(/</g)).toHaveLength(2);
  expect(JSON.parse(/^<script type="application\/json">([\s\S]*)<\/script>$/.exec(markup)![1]!)).toEqual(
    data,
  );
});
