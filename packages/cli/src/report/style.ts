/** The page's style sheet: light and dark by the reader's setting, no fonts or files from anywhere. */
export const styleSheet = `
:root{color-scheme:light dark;--page:#f7f6f3;--card:#fff;--ink:#1d1f23;--soft:#62666f;--faint:#8d919a;--rule:#e4e2dc;--blue:#2463c9;--orange:#c8541d;--green:#2b7d4f;--hole:#e9e7e1}
@media (prefers-color-scheme:dark){:root{--page:#131417;--card:#1b1d21;--ink:#eceded;--soft:#a6aab2;--faint:#7d818a;--rule:#2d3036;--blue:#78aaff;--orange:#ff9a63;--green:#70cf98;--hole:#292c31}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;-webkit-font-smoothing:antialiased}
main{max-width:1120px;margin:0 auto;padding:56px 28px 96px}
header .mark{font-size:13px;font-weight:600;letter-spacing:.09em;text-transform:uppercase;color:var(--blue)}
h1{font-size:40px;line-height:1.12;letter-spacing:-.025em;margin:6px 0 10px;overflow-wrap:anywhere}
header p{color:var(--soft);max-width:64ch;margin:0}
h2{font-size:24px;letter-spacing:-.015em;margin:64px 0 4px}
h2+p{color:var(--soft);max-width:72ch;margin:0 0 20px}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:1px;background:var(--rule);border:1px solid var(--rule);border-radius:14px;overflow:hidden;margin:32px 0 0}
.facts div{background:var(--card);padding:16px 18px 14px}
.facts dt{font-size:13px;color:var(--soft)}
.facts dd{margin:2px 0 0;font-size:24px;font-weight:600;letter-spacing:-.02em;line-height:1.25;white-space:nowrap}
.facts small{display:block;white-space:normal;font-size:12.5px;font-weight:400;letter-spacing:0;color:var(--faint);margin-top:2px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr));gap:18px}
.wide{grid-column:1/-1}
figure{margin:0}
.chart,.card{position:relative;background:var(--card);border:1px solid var(--rule);border-radius:14px;padding:18px 20px}
figcaption{font-size:14px;color:var(--soft);margin-bottom:10px}
figcaption b{display:block;font-size:15px;color:var(--ink);font-weight:600}
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:var(--faint);font-variant-numeric:tabular-nums}
svg .label{font-weight:600;font-size:12.5px}
svg .label .value{font-weight:400}
.grid{stroke:var(--rule);stroke-width:1}
.reference{stroke:var(--faint);stroke-width:1;stroke-dasharray:3 4}
.crosshair{stroke:var(--faint);stroke-width:1}
path{fill:none;stroke-linejoin:round;stroke-linecap:round}
.line{stroke-width:2.25}.raw{stroke-width:1;opacity:.28}.even{stroke:var(--rule);stroke-width:1.5}
path.colour0{stroke:var(--ink)}path.colour1{stroke:var(--blue)}path.colour2{stroke:var(--orange)}path.colour3{stroke:var(--green)}
text.colour0{fill:var(--ink)}text.colour1{fill:var(--blue)}text.colour2{fill:var(--orange)}text.colour3{fill:var(--green)}
.readout{position:absolute;top:16px;right:18px;font-size:13px;color:var(--soft);font-variant-numeric:tabular-nums;background:var(--card);padding-left:10px;white-space:pre}
.empty{color:var(--faint);font-size:14px;margin:0}
img{display:block;width:100%;height:auto;border-radius:6px;background:var(--hole);box-shadow:0 0 0 1px var(--rule)}
.scroll{overflow-x:auto}
.grid6{display:grid;grid-template-columns:repeat(6,minmax(92px,1fr));gap:10px 12px;min-width:640px}
.grid6 .head{font-size:13px;color:var(--soft);line-height:1.35;align-self:end}
.grid6 .head b{display:block;color:var(--ink);font-weight:600}
.cell{min-width:0}
.name{font-size:12px;color:var(--faint);margin-top:4px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.note{font-size:14px;color:var(--soft);max-width:76ch;margin:16px 0 0}
.row{display:grid;gap:12px;align-items:start;min-width:640px}
.row+.row{margin-top:14px}
.first{padding-right:12px;border-right:1px solid var(--rule)}
.two{display:grid;grid-template-columns:minmax(0,220px) 1fr;gap:32px;align-items:center}
.list{display:grid;grid-template-columns:auto 1fr;gap:6px 20px;margin:0;font-size:15px}
.list dt{color:var(--soft)}.list dd{margin:0;font-variant-numeric:tabular-nums}
table{width:100%;border-collapse:collapse;font-size:14px}
th{font-weight:500;color:var(--soft);text-align:left;white-space:nowrap;width:1%}
th,td{padding:7px 18px 7px 0;border-top:1px solid var(--rule);vertical-align:top}
tr:first-child>*{border-top:0}
td:last-child{color:var(--soft);padding-right:0}
td:nth-child(2){font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
details summary{cursor:pointer;color:var(--soft);font-size:14px}
code{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
footer{margin-top:72px;padding-top:18px;border-top:1px solid var(--rule);color:var(--faint);font-size:13px}
@media (max-width:640px){main{padding:32px 16px 64px}h1{font-size:30px}.two{grid-template-columns:1fr}}
@media print{.chart,.card{break-inside:avoid}}
`;

/** The page's script: a crosshair over the charts. Without it the page shows the same. */
export const script = `
for (const svg of document.querySelectorAll("svg[data-hover]")) {
  const data = JSON.parse(svg.dataset.hover), line = svg.querySelector(".crosshair"), out = svg.parentNode.querySelector(".readout");
  const first = data.steps[0], last = data.steps[data.steps.length - 1];
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = Math.min(data.right, Math.max(data.left, (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width));
    const wanted = first + (x - data.left) / (data.right - data.left) * (last - first);
    const nearest = (steps) => steps.reduce((best, step, index) => Math.abs(step - wanted) < Math.abs(steps[best] - wanted) ? index : best, 0);
    line.setAttribute("x1", x); line.setAttribute("x2", x); line.setAttribute("visibility", "visible");
    out.textContent = "step " + data.steps[nearest(data.steps)].toLocaleString("en") + data.series.map((series) => "   " + series.name + " " + series.values[nearest(series.steps)]).join("");
  });
  svg.addEventListener("pointerleave", () => { line.setAttribute("visibility", "hidden"); out.textContent = ""; });
}
`;
