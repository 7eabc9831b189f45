/** The style of the HTML report: dark and light, narrow and wide, and on paper. Every colour of text has 4.5:1 or more. */
export const style: string = `
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--text:#1b2230;--soft:#566074;--line:#d8dde6;--fill:#eef1f5;--link:#1d57b0;
--critical:#7d0d18;--high:#b3261e;--medium:#8a5800;--low:#2b5f92;--info:#586275;
--bad:#9c1c14;--bad-fill:#fcebe9;--good:#1d6338;--good-fill:#e6f4ea;--doubt:#7a4f00;--doubt-fill:#fdf3dc;
--docker:#e3effd;--docker-line:#3b7dd8;--dnfw:#e2f5e9;--dnfw-line:#2c8a52;--other:#f4ecfb;--other-line:#8a5cc0;--none:#f2f4f7;--none-line:#c3cad6}
@media (prefers-color-scheme:dark){:root{--bg:#11141a;--card:#191e27;--text:#e5e9f0;--soft:#a5afc0;--line:#303846;--fill:#232a35;--link:#8cb8ff;
--critical:#a3142a;--high:#c0362c;--medium:#8f6108;--low:#33689c;--info:#5a6478;
--bad:#ff9c92;--bad-fill:#3a1c1c;--good:#86d9a2;--good-fill:#17301f;--doubt:#f0c36a;--doubt-fill:#33290f;
--docker:#17283f;--docker-line:#4f8fe6;--dnfw:#14301f;--dnfw-line:#47ad70;--other:#2a2038;--other-line:#a37ad8;--none:#1e242e;--none-line:#3c4554}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--bg);color:var(--text);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
main,header.page,footer{max-width:1180px;margin:0 auto;padding:0 24px}
header.page{padding-top:36px}
h1{font-size:30px;line-height:1.2;letter-spacing:-.015em;margin:0 0 8px;font-weight:680}
h2{font-size:20px;line-height:1.3;margin:44px 0 12px;font-weight:650;letter-spacing:-.008em}
h3{font-size:17px;line-height:1.4;margin:28px 0 10px;font-weight:650}
p{margin:0 0 10px;max-width:76ch}
a{color:var(--link)}
a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:3px}
code,pre,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:13px}
.soft{color:var(--soft)}
.eyebrow{color:var(--soft);font-size:13px;letter-spacing:.06em;text-transform:uppercase;margin:0 0 6px;font-weight:600}
.facts{display:flex;flex-wrap:wrap;gap:2px 22px;margin:0 0 18px;padding:0;list-style:none;color:var(--soft);font-size:15px}
.counts{display:flex;flex-wrap:wrap;gap:10px;margin:14px 0 0;padding:0;list-style:none}
.counts li{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:10px 16px 9px;min-width:92px}
.counts b{display:block;font-size:26px;line-height:1.15;font-weight:680;font-variant-numeric:tabular-nums}
.counts span{font-size:13px;color:var(--soft)}
.counts .some{border-left-width:5px}
.counts .critical{border-left-color:var(--critical)}.counts .high{border-left-color:var(--high)}.counts .medium{border-left-color:var(--medium)}.counts .low{border-left-color:var(--low)}.counts .info{border-left-color:var(--info)}.counts .accepted{border-left-color:var(--line)}
nav{display:flex;flex-wrap:wrap;gap:6px 18px;margin:20px 0 0;padding:12px 0 0;border-top:1px solid var(--line);font-size:15px}
.badge{display:inline-block;border-radius:5px;padding:2px 8px 1px;font-size:12px;line-height:18px;font-weight:700;letter-spacing:.045em;text-transform:uppercase;color:#fff;white-space:nowrap}
.badge.critical{background:var(--critical)}.badge.high{background:var(--high)}.badge.medium{background:var(--medium)}.badge.low{background:var(--low)}.badge.info{background:var(--info)}
.badge.accepted{background:none;color:var(--soft);box-shadow:inset 0 0 0 1px var(--soft)}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:18px 20px}
.scroll{overflow-x:auto;position:relative;background:var(--card);border:1px solid var(--line);border-radius:12px}
table{border-collapse:collapse;width:100%;font-size:14.5px;line-height:1.45;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:9px 14px;border-bottom:1px solid var(--line);overflow-wrap:normal}
thead th{font-size:13px;color:var(--soft);font-weight:600;background:var(--fill);white-space:nowrap;vertical-align:bottom}
tbody:last-child tr:last-child>*{border-bottom:0}tbody th[rowspan]{font-weight:400;background:var(--card)}
tbody th{font-weight:600}
td.wide,th.wide{min-width:200px;overflow-wrap:anywhere}
td.state{white-space:nowrap}
.mark{display:inline-block;border-radius:5px;padding:1px 9px;font-size:13px;line-height:20px;font-weight:600;white-space:nowrap}
.bad{color:var(--bad);background:var(--bad-fill)}.good{color:var(--good);background:var(--good-fill)}.doubt{color:var(--doubt);background:var(--doubt-fill)}.plain{color:var(--soft);background:var(--fill)}
.finding{background:var(--card);border:1px solid var(--line);border-left:6px solid var(--line);border-radius:10px;padding:16px 20px 14px;margin:0 0 16px}
.finding.critical{border-left-color:var(--critical)}.finding.high{border-left-color:var(--high)}.finding.medium{border-left-color:var(--medium)}.finding.low{border-left-color:var(--low)}.finding.info{border-left-color:var(--info)}
.finding h4{font-size:17px;line-height:1.4;margin:6px 0 2px;font-weight:650}
.finding .subject{margin:0 0 10px;color:var(--soft)}
.finding dl{margin:12px 0 0;display:grid;grid-template-columns:84px minmax(0,1fr);gap:10px 16px}
.finding dt{color:var(--soft);font-size:13px;font-weight:600;padding-top:3px}
.finding dd{margin:0;min-width:0}
.top{display:flex;flex-wrap:wrap;gap:4px 12px;align-items:center;justify-content:space-between}
.top code{color:var(--soft)}
.rule{margin:0 0 10px;padding:0;list-style:none}
.rule li{margin:0 0 8px}
.where{font-size:13.5px}
.where b{font-weight:600}
.finding .mark{white-space:normal}
pre{margin:3px 0 0;padding:9px 12px;background:var(--fill);border-radius:7px;white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.5}
.fix{margin:0 0 10px}
details{margin-top:8px}
summary{cursor:pointer;color:var(--link)}
.reason{border-left:3px solid var(--line);padding-left:12px;margin:8px 0;color:var(--soft)}
.plain-list{margin:0;padding-left:20px}
ol.rungs{list-style:none;padding:0}.card h4{margin:14px 0 6px;font-size:15px}.card h4:first-child{margin-top:0}.card h4 .soft{font-weight:400}.plain-list li{margin:0 0 6px}
figure{margin:0}
figcaption{color:var(--soft);font-size:14px;margin:10px 0 0;max-width:90ch}
figure>.picture>svg{display:block;width:100%;min-width:940px;height:auto}
svg text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:var(--text)}
svg .hook{font-size:15px;font-weight:700}svg .say{font-size:11.5px;fill:var(--soft)}svg .prio{font-size:13px;font-weight:650;text-anchor:end;font-variant-numeric:tabular-nums}svg .prio-name{font-size:11.5px;fill:var(--soft);text-anchor:end}
svg .band{fill:var(--fill);opacity:.55}svg .rail{stroke:var(--none-line);stroke-width:2;fill:none}svg .head{fill:var(--none-line)}
svg .chain{font-size:12.5px;font-weight:650}svg .owner{font-size:12px}svg .more{font-size:11.5px;fill:var(--soft)}svg .drop{fill:var(--bad);font-weight:650}svg .tied{fill:var(--doubt);font-weight:650}
svg .box{stroke-width:1.5}svg .docker{fill:var(--docker);stroke:var(--docker-line)}svg .dnfw{fill:var(--dnfw);stroke:var(--dnfw-line)}svg .other{fill:var(--other);stroke:var(--other-line)}svg .nobody{fill:var(--none);stroke:var(--none-line);stroke-dasharray:4 3}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.matrix{width:auto}.matrix .badge{text-transform:none;min-width:26px;text-align:center}.fit{width:fit-content;max-width:100%}
.matrix thead th{vertical-align:bottom;padding:10px 6px;text-align:left}
.matrix .turned{writing-mode:vertical-rl;transform:rotate(180deg);max-height:230px;margin:0 auto;font-weight:600;text-align:left}
.matrix td{text-align:center;padding:7px 6px;min-width:46px}
.matrix tbody th,.matrix thead th:first-child{position:sticky;left:0;background:var(--card);text-align:left;white-space:nowrap;max-width:300px;overflow:hidden;text-overflow:ellipsis;padding-left:14px}
.matrix thead th:first-child{background:var(--fill)}
.host{margin:0 0 14px;content-visibility:auto;contain-intrinsic-size:auto 64px}
.host>summary{font-weight:650;color:var(--text);padding:14px 18px;background:var(--card);border:1px solid var(--line);border-radius:10px}
.host>summary .soft{font-weight:400}
.host[open]>summary{margin-bottom:18px}
footer{margin-top:52px;padding-top:18px;padding-bottom:40px;border-top:1px solid var(--line);color:var(--soft);font-size:14px}
@media screen and (max-width:720px){main,header.page,footer{padding-left:16px;padding-right:16px}h1{font-size:25px}.finding{padding:14px}.finding dl{grid-template-columns:minmax(0,1fr);gap:2px}.finding dd{margin-bottom:10px}.counts li{min-width:78px;padding:8px 12px}
main .picture{display:none}.stack thead{display:none}.stack tr,.stack td{display:block}.stack tr{padding:11px 14px;border-bottom:1px solid var(--line)}.stack tr:last-child{border:0}.stack td{padding:0 0 3px;border:0;min-width:0!important}.matrix tbody th{max-width:170px}.hidden.narrow{position:static;width:auto;height:auto;clip-path:none;white-space:normal}}
@media print{:root{color-scheme:light}@page{size:A4 landscape;margin:12mm}body{background:#fff;font-size:11pt}nav{display:none}main,header.page,footer{max-width:none;padding:0}.card,.scroll,.finding,.counts li{border-color:#bbb}.scroll{overflow:visible}figure>.picture>svg{min-width:0}
h2,h3,h4,.top{break-after:avoid}.finding dl,table tr,figure,pre{break-inside:avoid}.host{content-visibility:visible}details::details-content{content-visibility:visible;display:block}summary{color:inherit}.badge,.mark,thead th,pre,svg *{print-color-adjust:exact;-webkit-print-color-adjust:exact}table{font-size:9.5pt}th,td{padding:5px 7px}code,pre,.mono{font-size:8.5pt}.matrix tbody th,.matrix thead th:first-child{position:static}}
`.trim();
