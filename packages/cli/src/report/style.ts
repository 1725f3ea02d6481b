/** Colours 1 to 10 as custom properties. */
function palette(colours: readonly string[]): string {
  return colours.map((colour, place) => `--colour${place + 1}:#${colour}`).join(";");
}

/** What lines, points and texts of each colour slot look like; 0 is ink for lines and grey for points. */
const slots = Array.from({ length: 11 }, (_, slot) => {
  const colour = slot === 0 ? "var(--ink)" : `var(--colour${slot})`;
  return `path.colour${slot}{stroke:${colour}}text.colour${slot}{fill:${colour}}b.colour${slot}{color:${colour}}i.colour${slot}{background:${slot === 0 ? "var(--faint)" : colour}}`;
}).join("\n");

/** The page's style sheet: light and dark by the reader's setting, no fonts or files from anywhere. */
export const styleSheet = `
:root{color-scheme:light dark;--page:#f7f6f3;--card:#fff;--ink:#1d1f23;--soft:#5d616a;--faint:#74787f;--rule:#e4e2dc;--hole:#e9e7e1;${palette(["2463c9", "c8541d", "2b7d4f", "8a3fb0", "b8860b", "0f8a94", "c2276e", "7a5230", "5b6ee1", "6b7f1e"])}}
@media screen and (prefers-color-scheme:dark){:root{--page:#131417;--card:#1b1d21;--ink:#eceded;--soft:#a6aab2;--faint:#8a8e97;--rule:#2d3036;--hole:#292c31;${palette(["78aaff", "ff9a63", "70cf98", "d190f0", "eec04f", "55cdd8", "ff7fb5", "c79a72", "9aa7ff", "b5cb5c"])}}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;-webkit-font-smoothing:antialiased}
main{max-width:1120px;margin:0 auto;padding:56px 28px 96px}
header .mark{font-size:13px;font-weight:600;letter-spacing:.09em;text-transform:uppercase;color:var(--colour1)}
h1{font-size:40px;line-height:1.12;letter-spacing:-.025em;margin:6px 0 10px;overflow-wrap:anywhere}
header p{color:var(--soft);max-width:64ch;margin:0}
header .warning{color:var(--ink);max-width:none;margin:20px 0 0;padding:12px 16px;border:2px solid var(--colour2);border-radius:14px;background:var(--card);overflow-wrap:anywhere}
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
${slots}
.readout{position:absolute;top:16px;right:18px;pointer-events:none;font-size:13px;color:var(--soft);font-variant-numeric:tabular-nums;background:var(--card);padding-left:10px;white-space:pre}
.empty{color:var(--faint);font-size:14px;margin:0}
img{display:block;width:100%;height:auto;border-radius:6px;background:var(--hole);box-shadow:0 0 0 1px var(--rule)}
.scroll{overflow-x:auto}
.grid6{display:grid;grid-template-columns:repeat(6,minmax(92px,1fr));gap:10px 12px;min-width:640px}
.grid6 .head{font-size:13px;color:var(--soft);line-height:1.35;align-self:end}
.grid6 .head b{display:block;color:var(--ink);font-weight:600}
.cell{min-width:0}
.name{font-size:12px;color:var(--faint);margin-top:4px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.note{font-size:14px;color:var(--soft);max-width:76ch;margin:16px 0 0}
.row{display:grid;gap:12px;align-items:start;grid-template-columns:repeat(var(--columns),minmax(72px,132px))}
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
nav{position:sticky;top:0;z-index:2;display:flex;gap:4px;overflow-x:auto;margin:28px -28px 0;padding:8px 20px;background:var(--page);border-bottom:1px solid var(--rule);scrollbar-width:none}
nav a{flex:none;padding:4px 10px;border-radius:8px;color:var(--soft);font-size:14px;text-decoration:none}
nav a:hover{background:var(--hole);color:var(--ink)}
section{scroll-margin-top:64px}
:focus-visible{outline:2px solid var(--colour1);outline-offset:2px}
.narrow-screen{display:none}
.stack{display:grid;grid-template-columns:minmax(0,1fr);gap:18px}
button{font:inherit;font-size:13.5px;color:var(--soft);background:none;border:1px solid var(--rule);border-radius:8px;padding:3px 10px;cursor:pointer}
button:hover{color:var(--ink);background:var(--hole)}
button[aria-pressed=true]{color:var(--ink);border-color:var(--ink)}
.tools{display:flex;gap:6px;margin-bottom:10px}.tools span{flex:1}
.map svg{overflow:hidden;border-radius:8px;touch-action:pan-y;background:var(--page)}
.dots{stroke-width:7;stroke-opacity:.8;vector-effect:non-scaling-stroke}
path.dots.colour0{stroke:var(--faint)}
.dots.dim{stroke-opacity:.06}
.ring{stroke:var(--ink);stroke-width:15;stroke-opacity:.55;vector-effect:non-scaling-stroke;pointer-events:none}
.tip{position:absolute;z-index:1;width:124px;padding:6px;background:var(--card);border:1px solid var(--rule);border-radius:10px;box-shadow:0 4px 18px #0003;font-size:12px;line-height:1.35;color:var(--soft);pointer-events:none}
.tip>svg{height:110px;border-radius:6px;margin-bottom:4px}
.tip span,.tip b{display:block;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.tip b{color:var(--ink)}
.legend{display:flex;flex-wrap:wrap;gap:6px;margin-top:12px}
.legend button{display:flex;align-items:center;gap:7px}.legend button.dim{opacity:.45}
.legend i{width:10px;height:10px;border-radius:5px}.legend small{color:var(--faint)}
table.confusion,table.compared{width:auto}
.confusion th,.confusion td{width:auto;border:0;padding:3px 5px;white-space:nowrap}
.confusion td{min-width:34px;height:30px;text-align:center;border:1px solid var(--card);border-radius:6px;font-size:13px;color:var(--ink);font-variant-numeric:tabular-nums}
.confusion .hit{background:color-mix(in srgb,var(--colour1) var(--share),transparent)}
.confusion .miss{background:color-mix(in srgb,var(--colour2) var(--share),transparent)}
.confusion thead th{vertical-align:bottom}
.confusion thead th span{writing-mode:vertical-rl;transform:rotate(180deg);max-height:140px;overflow:hidden;text-overflow:ellipsis}
.confusion tbody th{text-align:right;max-width:180px;overflow:hidden;text-overflow:ellipsis}
.confusion .right{padding-left:12px;text-align:right;color:var(--soft)}
.worst th,.worst td{white-space:nowrap}.worst td:last-child{white-space:normal;min-width:220px}.worst .bar{width:140px;min-width:90px}.bar i{display:block;height:8px;margin-top:7px;border-radius:4px;background:linear-gradient(90deg,var(--colour1) var(--share),var(--hole) 0)}
.compared th{width:auto;padding-right:28px}.compared thead th{color:var(--ink)}.compared td{padding-right:28px}
.compared tbody td,.compared tbody td:last-child{color:var(--ink);font-variant-numeric:tabular-nums;min-width:84px;max-width:340px;overflow-wrap:break-word}
.runs{list-style:none;margin:24px 0 0;padding:0;display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,260px),1fr));gap:12px}
.runs li{display:flex;gap:12px;background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:12px 16px;overflow-wrap:anywhere}
.runs b{font-size:22px;line-height:1.2}.runs small{display:block;color:var(--faint);font-size:12.5px}
@media (max-width:640px){.compared th{white-space:normal;padding-right:14px}.compared td{padding-right:14px}main{padding:32px 16px 64px}h1{font-size:30px}h2{margin-top:48px}nav{margin:24px -16px 0;padding:8px 8px}.two{grid-template-columns:1fr}.wide-screen{display:none}.narrow-screen{display:block}.chart,.card{padding:14px}.readout{top:auto;bottom:6px;font-size:12px}.settings tr{display:block;padding:8px 0;border-top:1px solid var(--rule)}.settings th,.settings td{display:block;width:auto;padding:0;border:0;white-space:normal}.dots{stroke-width:5}}
@media print{body{background:none}main{max-width:none;padding:0}nav,.tools,.tip{display:none}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}.chart,.row,tr,.facts,figure{break-inside:avoid}h2,h2+p,figcaption{break-after:avoid;break-inside:avoid}.scroll{overflow:visible}section{break-inside:auto}h2{margin-top:36px}.grid6,.row{min-width:0}}
`;
